using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Bytes that aren't HTTP/2, and frames that its specification forbids.</summary>
[Collection(HostileCollection.Name)]
public sealed class FrameAttackTests
{
    private const int FrameBytesMax = GrpcKestrelExtensions.FrameBytesMax;

    [Fact]
    public Task Preface_Garbage_EndsTheConnection() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.SendAsync([.. Enumerable.Repeat((byte)0x5a, FrameBytesMax)]);
        await peer.ReadTextAsync();
    });

    [Fact]
    public async Task Preface_ThatNeverComes_EndsTheConnectionInBoundedTime()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), new KestrelServerOptions().ConfigureForGrpc().Limits.KeepAliveTimeout);
        await using var host = await EchoHost.StartAsync(services: services => services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(1)));
        // Neither HTTP/2's nor a whole line of HTTP/1's, which a server might still wait for.
        foreach (var bytes in (byte[][])[[], [.. Enumerable.Repeat((byte)0x5a, 4096)], Http2Frames.Preface[..10]])
        {
            using var peer = await RawPeer.ConnectAsync(host.Address);
            await peer.SendAsync(bytes);
            await peer.ReadTextAsync();
        }
    }

    [Fact]
    public Task Preface_Http1_IsToldSo() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray());
        Assert.Contains("HTTP/1.1 400", await peer.ReadTextAsync(), StringComparison.Ordinal);
    });

    [Fact]
    public Task Preface_CutShort_LeavesNothing() => HostileRun.AttackAsync(async (_, peer) => await peer.SendAsync(Http2Frames.Preface[..10]));

    [Fact]
    public Task Frame_LongerThanAllowed_IsAFrameSizeError() =>
        EndsWithAsync(Http2Error.FrameSize, Http2Frames.Make(FrameType.Data, 0, 1, new byte[FrameBytesMax + 1]));

    [Fact]
    public Task Frame_CutByTheEnd_LeavesNothing() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.GreetAsync();
        await peer.PingAsync();
        await peer.SendAsync(Http2Frames.Make(FrameType.Data, 0, 1, new byte[10], announcedBytes: 100));
        peer.Dispose();
    });

    [Fact]
    public Task Frame_OfAnUnknownType_IsPassedOver() => HostileRun.AttackAsync(async (_, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Make((FrameType)0xee, 0xff, 7, new byte[100]));
        Assert.False((await peer.PingAsync()).HasEnded);
    });

    [Fact]
    public Task Data_OnAnIdleStream_EndsTheConnection() => EndsWithAsync(Http2Error.Protocol, Http2Frames.Data(5, [1, 2, 3]));

    [Fact]
    public Task Data_OnAClosedStream_EndsTheConnection() => EndsWithAsync(
        Http2Error.StreamClosed,
        Http2Frames.Headers(1, Hpack.Call("Unary"), Http2Frames.EndHeaders | Http2Frames.EndStream),
        Http2Frames.Data(1, [1, 2, 3]));

    [Fact]
    public Task Headers_OnAStreamOfTheServers_EndTheConnection() => EndsWithAsync(Http2Error.Protocol, Http2Frames.Headers(2, Hpack.Call("Chat")));

    [Fact]
    public Task Headers_OnAnOlderStream_EndTheConnection() => EndsWithAsync(
        Http2Error.StreamClosed, Http2Frames.Headers(5, Hpack.Call("Chat")), Http2Frames.Headers(3, Hpack.Call("Chat")));

    [Fact]
    public Task Continuation_WithoutHeaders_EndsTheConnection() =>
        EndsWithAsync(Http2Error.Protocol, Http2Frames.Make(FrameType.Continuation, Http2Frames.EndHeaders, 1, Hpack.Call("Chat")));

    [Fact]
    public Task Headers_BetweenHeadersAndContinuation_EndTheConnection() => EndsWithAsync(
        Http2Error.Protocol, Http2Frames.Headers(1, Hpack.Call("Chat"), flags: 0), Http2Frames.Headers(3, Hpack.Call("Chat")));

    [Fact]
    public Task Settings_OfOneByte_AreAFrameSizeError() => EndsWithAsync(Http2Error.FrameSize, Http2Frames.Make(FrameType.Settings, 0, 0, [1]));

    [Fact]
    public Task Settings_WindowBeyond31Bits_AreAFlowControlError() =>
        EndsWithAsync(Http2Error.FlowControl, Http2Frames.Settings((Setting.InitialWindowSize, 0x8000_0000)));

    [Fact]
    public Task Settings_FrameSizeOfOne_EndTheConnection() =>
        EndsWithAsync(Http2Error.Protocol, Http2Frames.Settings((Setting.MaxFrameSize, 1)));

    [Fact]
    public Task Ping_OfSevenBytes_IsAFrameSizeError() => EndsWithAsync(Http2Error.FrameSize, Http2Frames.Make(FrameType.Ping, 0, 0, new byte[7]));

    [Fact]
    public Task WindowUpdate_OfZero_EndsTheConnection() => EndsWithAsync(Http2Error.Protocol, Http2Frames.WindowUpdate(0, 0));

    [Fact]
    public Task WindowUpdate_ConnectionBeyond31Bits_EndsTheConnection() =>
        EndsWithAsync(Http2Error.FlowControl, Http2Frames.WindowUpdate(0, int.MaxValue));

    [Fact]
    public Task WindowUpdate_StreamBeyond31Bits_EndsTheStream() => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Chat")), Http2Frames.WindowUpdate(1, int.MaxValue));
        var heard = await peer.PingAsync();
        Assert.True(heard is { HasEnded: false } && heard.ResetOf(1) == Http2Error.FlowControl, heard.ToString());
        await run.Calls.WhenAsync(live => live == 0, "calls after the stream's end");
    });

    [Fact]
    public Task Data_BeyondTheStreamsWindow_EndsTheConnection() => HostileRun.AttackAsync(async (run, peer) =>
    {
        const int PartBytes = 16 * 1024;
        await peer.GreetAsync();
        // The service takes one message and reads no more.
        await peer.SendAsync(
            Http2Frames.Headers(1, Hpack.Call("Collect")),
            Http2Frames.Data(1, Http2Frames.Message(new EchoRequest { Behavior = "wait-for-token" }.ToByteArray())));
        await peer.TryFloodAsync(_ => Http2Frames.Data(1, new byte[PartBytes]), GrpcKestrelExtensions.StreamWindowBytes / PartBytes + 1);
        var heard = await peer.HearToEndAsync();
        Assert.True(heard.GoneBecause == Http2Error.FlowControl, heard.ToString());
        await run.Calls.WhenAsync(live => live == 0, "calls after the connection's end");
    });

    /// <summary>Sends the frames after a greeting; the server must end the connection for this reason.</summary>
    private static Task EndsWithAsync(Http2Error error, params byte[][] frames) => HostileRun.AttackAsync(async (run, peer) =>
    {
        await peer.GreetAsync();
        await peer.SendAsync(frames);
        var heard = await peer.HearToEndAsync();
        Assert.True(heard.GoneBecause == error, $"expected {error}, heard {heard}");
        await run.Calls.WhenAsync(live => live == 0, "calls after the connection's end");
    });
}
