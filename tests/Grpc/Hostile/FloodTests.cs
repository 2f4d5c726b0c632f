namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Frames that are allowed, in numbers that are not, and streams that are left alone.</summary>
[Collection(HostileCollection.Name)]
public sealed class FloodTests
{
    private const int StreamsMax = 100;
    private const int Frames = 10_000;
    private const int FramesPerWrite = 100;

    [Fact]
    public Task Reset_TenThousandCallsAtOnce_LeavesNoCall() => HostileRun.AttackAsync(async (run, peer) =>
    {
        var head = Hpack.Call("Chat");
        await peer.GreetAsync();
        var hearing = peer.HearAsync(IsPong);
        if (await peer.TryFloodAsync(write => Resets(head, write), Frames / FramesPerWrite))
            await peer.TryFloodAsync(_ => Http2Frames.Ping(1), 1);
        var heard = await hearing;
        Assert.True(!heard.HasEnded || heard.GoneBecause is null or Http2Error.EnhanceYourCalm, heard.ToString());
        await run.Calls.WhenAsync(live => live == 0, "calls after their resets");
    });

    [Fact]
    public Task Settings_TenThousand_AreAcknowledgedOrEndTheConnection() => FloodAsync(Http2Frames.Settings((Setting.InitialWindowSize, 70_000)));

    [Fact]
    public Task Ping_TenThousand_AreAnsweredOrEndTheConnection() => FloodAsync(Http2Frames.Ping(7));

    [Theory]
    [InlineData("ping")]
    [InlineData("settings")]
    public Task Flood_AnswersNeverRead_HoldsABoundedNumberOfBuffers(string what) => HostileRun.AttackAsync(async (run, peer) =>
    {
        const int blocksMax = 64;
        var frames = Repeat(what == "ping" ? Http2Frames.Ping(7) : Http2Frames.Settings((Setting.InitialWindowSize, 70_000)));
        await peer.GreetAsync();
        var flood = peer.TryFloodAsync(_ => frames, 10 * Frames / FramesPerWrite);
        for (var i = 0; i < 50; i++)
        {
            await run.HealthyCallAsync();
            Assert.InRange(run.RentedBlocks, 0, blocksMax);
        }
        peer.Dispose();
        await flood;
    });

    [Fact]
    public Task Streams_BeyondTheLimit_AreRefusedAndTheOthersGoOn() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        var hearing = peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        await peer.SendAsync([.. Enumerable.Range(0, StreamsMax + 1).Select(i => Http2Frames.Headers(2 * i + 1, Hpack.Call("Chat")))]);
        var heard = await hearing;
        Assert.True(heard.ResetOf(2 * StreamsMax + 1) == Http2Error.RefusedStream, heard.ToString());
        await run.Calls.WhenAsync(live => live >= StreamsMax, "calls");
        await run.HealthyCallAsync();
        await peer.SendAsync([.. Enumerable.Range(0, StreamsMax).Select(i => Http2Frames.Reset(2 * i + 1, Http2Error.Cancel))]);
        await run.Calls.WhenAsync(live => live == 0, "calls after their resets");
    });

    [Fact]
    public Task Streams_LeftOpenByAPeerThatVanishes_End() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync([.. Enumerable.Range(0, StreamsMax).Select(i => Http2Frames.Headers(2 * i + 1, Hpack.Call("Chat")))]);
        await run.Calls.WhenAsync(live => live >= StreamsMax, "calls");
        peer.Dispose();
        await run.Calls.WhenAsync(live => live == 0, "calls after their peer vanished");
    });

    [Fact]
    public Task Data_TenThousandEmptyFrames_EndNothing() => HostileRun.AttackAsync(async (run, peer) =>
    {
        var frames = Repeat(Http2Frames.Data(1, []));
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary")));
        await run.Calls.WhenAsync(live => live == 1, "calls");
        var hearing = peer.HearAsync(frame => frame.Type == FrameType.Headers);
        await peer.TryFloodAsync(_ => frames, Frames / FramesPerWrite);
        await peer.TryFloodAsync(_ => Http2Frames.Data(1, Http2Frames.Message([]), Http2Frames.EndStream), 1);
        var heard = await hearing;
        Assert.True(heard.HasEnded || heard.Blocks(1).Contains("application/grpc", StringComparison.Ordinal), heard.ToString());
    });

    private static Task FloodAsync(byte[] frame) => HostileRun.AttackAsync(async (_, peer) =>
    {
        var frames = Repeat(frame);
        await peer.GreetAsync();
        var hearing = peer.HearAsync(IsPong);
        if (await peer.TryFloodAsync(_ => frames, Frames / FramesPerWrite))
            await peer.TryFloodAsync(_ => Http2Frames.Ping(1), 1);
        var heard = await hearing;
        Assert.True(heard.HasEnded || heard.Frames.Count(answer => answer.IsAck && answer.Type == (FrameType)frame[3]) >= Frames, heard.ToString());
    });

    private static bool IsPong(Frame frame) => frame is { Type: FrameType.Ping, IsAck: true, Payload: [.., 1] };

    private static byte[] Repeat(byte[] frame) => [.. Enumerable.Repeat(frame, FramesPerWrite).SelectMany(bytes => bytes)];

    private static byte[] Resets(byte[] head, int write) =>
    [
        .. Enumerable.Range(write * FramesPerWrite, FramesPerWrite).SelectMany(i =>
            (byte[])[.. Http2Frames.Headers(2 * i + 1, head), .. Http2Frames.Reset(2 * i + 1, Http2Error.Cancel)]),
    ];
}
