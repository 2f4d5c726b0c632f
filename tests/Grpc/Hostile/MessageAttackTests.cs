using System.IO.Compression;
using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Messages that are cut, too long, wrongly marked or bombs, and readers that don't read.</summary>
[Collection(HostileCollection.Name)]
public sealed class MessageAttackTests
{
    private const int FrameBytesMax = 16 * 1024;
    private const uint LimitBytes = 4 * 1024 * 1024;
    private const string ResourceExhausted = "8";
    private const string Internal = "13";

    [Fact]
    public Task Message_CutByAReset_EndsItsCall() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await BeginAsync(run, peer);
        await peer.SendAsync(Http2Frames.Reset(1, Http2Error.Cancel));
        await run.Calls.WhenAsync(live => live == 0, "calls after the reset");
        Assert.False((await peer.PingAsync()).HasEnded);
    });

    [Fact]
    public Task Message_CutByTheConnectionsEnd_EndsItsCall() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await BeginAsync(run, peer);
        peer.Dispose();
        await run.Calls.WhenAsync(live => live == 0, "calls after the connection's end");
    });

    [Fact]
    public Task Message_CutByTheRequestsEnd_IsInternal() =>
        AnsweredAsync(Internal, "Unary", Http2Frames.Message(new byte[7], announcedBytes: 100), Http2Frames.EndStream);

    [Fact]
    public Task Message_LongerThanTheLimit_IsRefusedBeforeItIsSent() =>
        AnsweredAsync(ResourceExhausted, "Chat", Http2Frames.Message([], announcedBytes: LimitBytes + 1), flags: 0);

    [Fact]
    public Task Message_MarkedCompressedWithoutAnEncoding_IsInternal() =>
        AnsweredAsync(Internal, "Chat", Http2Frames.Message([1, 2, 3], flag: 1), flags: 0);

    [Fact]
    public Task Message_GzipBomb_IsRefusedAtTheLimit() =>
        AnsweredAsync(ResourceExhausted, "Chat", Http2Frames.Message(Gzip(new byte[64 << 20]), flag: 1), flags: 0, ("grpc-encoding", "gzip"));

    [Fact]
    public Task Message_InFramesOfOneByte_IsServed() => HostileRun.AttackAsync(async (_, peer) =>
    {
        var message = Http2Frames.Message(new EchoRequest { Text = new string('x', 500) }.ToByteArray());
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary")));
        foreach (var b in message)
            await peer.SendAsync(Http2Frames.Data(1, [b]));
        await peer.SendAsync(Http2Frames.Data(1, [], Http2Frames.EndStream));
        var heard = await peer.HearAsync(frame => IsEnd(frame, 1));
        Assert.True(heard.Has(1, "grpc-status", "0"), heard.ToString());
    });

    [Fact]
    public Task Reader_ThatNeverReads_HoldsABoundedNumberOfBuffersAndBlocksNobody() => HostileRun.AttackAsync(async (run, peer) =>
    {
        const int readers = 100;
        const int blocksPerReaderMax = 4;
        await peer.GreetAsync((Setting.InitialWindowSize, 0));
        for (var i = 0; i < readers; i++)
            await peer.SendAsync(AskForMuch(2 * i + 1));
        await run.Calls.WhenAsync(live => live >= readers, "calls");
        for (var i = 0; i < 50; i++)
        {
            await run.HealthyCallAsync();
            Assert.InRange(run.RentedBlocks, 0, readers * blocksPerReaderMax);
        }
        Assert.InRange(run.Calls.Live, readers, readers + 1);
        peer.Dispose();
        await run.Calls.WhenAsync(live => live == 0, "calls after their reader left");
    });

    [Fact]
    public Task Reader_ThatNeverReads_IsLetGoAtItsDeadline() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync((Setting.InitialWindowSize, 0));
        await peer.SendAsync(AskForMuch(1, ("grpc-timeout", "100m")));
        var heard = await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        Assert.True(heard.ResetOf(1) is not null, heard.ToString());
        await run.Calls.WhenAsync(live => live == 0, "calls after their deadline");
        Assert.False((await peer.PingAsync()).HasEnded);
    });

    /// <summary>A call of the response stream that would be 320 MB.</summary>
    private static byte[] AskForMuch(int stream, params (string Name, string Value)[] headers)
    {
        var request = new EchoRequest { Text = new string('x', FrameBytesMax / 2), Responses = 40_000 };
        return
        [
            .. Http2Frames.Headers(stream, Hpack.Call("Expand", headers)),
            .. Http2Frames.Data(stream, Http2Frames.Message(request.ToByteArray()), Http2Frames.EndStream),
        ];
    }

    private static async Task BeginAsync(HostileRun run, RawPeer peer)
    {
        await peer.GreetAsync();
        await peer.SendAsync(
            Http2Frames.Headers(1, Hpack.Call("Chat")), Http2Frames.Data(1, Http2Frames.Message(new byte[1000], announcedBytes: LimitBytes)));
        await run.Calls.WhenAsync(live => live == 1, "calls");
    }

    private static Task AnsweredAsync(string status, string method, byte[] body, int flags, params (string Name, string Value)[] headers) =>
        HostileRun.AttackAsync(async (run, peer) =>
        {
            await peer.GreetAsync();
            await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call(method, headers)));
            for (var sent = 0; sent < body.Length; sent += FrameBytesMax)
            {
                var end = Math.Min(sent + FrameBytesMax, body.Length);
                await peer.SendAsync(Http2Frames.Data(1, body[sent..end], end == body.Length ? flags : 0));
            }
            var heard = await peer.HearAsync(frame => IsEnd(frame, 1));
            Assert.True(heard.Has(1, "grpc-status", status), heard.ToString());
            await run.Calls.WhenAsync(live => live == 0, "calls after the answer");
            Assert.False((await peer.PingAsync()).HasEnded);
        });

    private static bool IsEnd(Frame frame, int stream) => frame.Stream == stream
        && (frame.Type == FrameType.ResetStream || frame.Type is FrameType.Headers or FrameType.Data && (frame.Flags & Http2Frames.EndStream) != 0);

    private static byte[] Gzip(byte[] plain)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(plain);
        return compressed.ToArray();
    }
}
