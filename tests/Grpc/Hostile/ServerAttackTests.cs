using System.IO.Compression;
using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Our client calls a server that does what no server should: each call ends, with a status and a sentence, before its deadline.</summary>
[Collection(HostileCollection.Name)]
public sealed class ServerAttackTests
{
    private const int EndOfHead = Http2Frames.EndHeaders;
    private const int EndOfTrailers = Http2Frames.EndHeaders | Http2Frames.EndStream;

    private static readonly byte[] Head = Http2Frames.Headers(1, Hpack.Block((":status", "200"), ("content-type", "application/grpc")), EndOfHead);
    private static readonly byte[] Empty = Http2Frames.Data(1, Http2Frames.Message([]));

    [Fact]
    public Task Garbage_InsteadOfHttp2_IsUnavailable() => FailsAsync(
        async peer =>
        {
            await peer.SendAsync("SSH-2.0-OpenSSH_9.2\r\n"u8.ToArray());
            await peer.HearToEndAsync();
        },
        "doesn't speak HTTP/2 as it should", StatusCode.Unavailable);

    [Fact]
    public Task Http1_InsteadOfHttp2_IsUnavailable() => FailsAsync(
        async peer =>
        {
            await peer.SendAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray());
            await peer.HearToEndAsync();
        },
        " http://127.0.0.1:", StatusCode.Unavailable);

    [Fact]
    public Task Connection_ClosedAtOnce_IsUnavailable() => FailsAsync(_ => Task.CompletedTask, "", StatusCode.Unavailable);

    [Fact]
    public Task Connection_CutInMidMessage_IsUnavailable() => FailsAsync(
        async peer =>
        {
            await peer.WelcomeAsync();
            await peer.HearAsync(frame => frame.Type == FrameType.Headers);
            await peer.SendAsync(Head, Http2Frames.Data(1, Http2Frames.Message(new byte[10], announcedBytes: 1000)));
        },
        "broke during the call", StatusCode.Unavailable);

    [Theory]
    [InlineData(Http2Error.Internal, StatusCode.Internal)]
    [InlineData(Http2Error.Protocol, StatusCode.Internal)]
    [InlineData(Http2Error.Cancel, StatusCode.Cancelled)]
    [InlineData(Http2Error.EnhanceYourCalm, StatusCode.ResourceExhausted)]
    internal Task Reset_InMidMessage_HasTheResetsStatus(Http2Error error, StatusCode status) => FailsAsync(
        RawServer.Answering(Head, Http2Frames.Data(1, Http2Frames.Message(new byte[10], announcedBytes: 1000)), Http2Frames.Reset(1, error)),
        "reset the call", status);

    [Fact]
    public Task Calls_RefusedForEver_AreUnavailable() => FailsAsync(
        async peer =>
        {
            await peer.WelcomeAsync();
            while (await peer.HearAsync(frame => frame.Type == FrameType.Headers) is { HasEnded: false, Frames: [.., var head] })
                await peer.SendAsync(Http2Frames.Reset(head.Stream, Http2Error.RefusedStream));
        },
        "", StatusCode.Unavailable);

    [Fact]
    public Task GoAway_AtOnce_IsUnavailable() => FailsAsync(
        RawServer.Answering(Http2Frames.GoAway(0, Http2Error.None)), "", StatusCode.Unavailable);

    [Fact]
    public Task GoAway_WithAnError_IsUnavailable() => FailsAsync(
        RawServer.Answering(Head, Http2Frames.GoAway(0, Http2Error.Internal)), "", StatusCode.Unavailable);

    [Fact]
    public Task Trailers_WithoutAStatus_AreUnknown() =>
        FailsAsync(RawServer.Answering(Head, Empty, Trailers(("x", "y"))), "without a grpc-status", StatusCode.Unknown);

    [Fact]
    public Task Trailers_Missing_AreUnknown() =>
        FailsAsync(RawServer.Answering(Head, Http2Frames.Data(1, Http2Frames.Message([]), Http2Frames.EndStream)), "without a grpc-status", StatusCode.Unknown);

    [Theory]
    [InlineData("99")]
    [InlineData("-1")]
    [InlineData("4294967296")]
    [InlineData("OK")]
    public Task Status_OutOfRange_IsUnknown(string status) =>
        FailsAsync(RawServer.Answering(Head, Empty, Trailers(("grpc-status", status))), $"{status}", StatusCode.Unknown);

    [Fact]
    public Task Message_AnnouncedFarOverTheLimit_IsResourceExhausted() => FailsAsync(
        RawServer.Answering(Head, Http2Frames.Data(1, Http2Frames.Message([], announcedBytes: uint.MaxValue))),
        "it has 4294967295 bytes", StatusCode.ResourceExhausted);

    [Fact]
    public Task Message_CompressedWithoutNegotiation_IsInternal() => FailsAsync(
        RawServer.Answering(Head, Http2Frames.Data(1, Http2Frames.Message([1, 2, 3], flag: 1))), "no grpc-encoding was announced", StatusCode.Internal);

    [Fact]
    public Task Message_GzipBomb_IsResourceExhausted() => FailsAsync(
        RawServer.Answering(
            [
                Http2Frames.Headers(1, Hpack.Block((":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")), EndOfHead),
                .. Bomb().Chunk(16 * 1024).Select(part => Http2Frames.Data(1, part)),
            ]),
        "decompressed it has more than the limit", StatusCode.ResourceExhausted);

    [Fact]
    public Task Headers_Endless_EndTheCall() => FailsAsync(
        async peer =>
        {
            await peer.WelcomeAsync();
            await peer.HearAsync(frame => frame.Type == FrameType.Headers);
            await peer.SendAsync(Http2Frames.Headers(1, Hpack.Block((":status", "200"), ("content-type", "application/grpc")), flags: 0));
            await peer.TryFloodAsync(i => Http2Frames.Make(FrameType.Continuation, 0, 1, Hpack.Literal($"h{i}", new string('x', 1000))), 1000);
            await peer.HearToEndAsync();
        },
        "", StatusCode.Unavailable, StatusCode.Internal);

    [Fact]
    public Task Silence_EndsAtTheDeadline() => FailsAsync(
        async peer => await peer.HearToEndAsync(), "", TimeSpan.FromMilliseconds(300), StatusCode.DeadlineExceeded);

    private static byte[] Trailers(params (string Name, string Value)[] trailers) => Http2Frames.Headers(1, Hpack.Block(trailers), EndOfTrailers);

    private static byte[] Bomb()
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
            gzip.Write(new byte[8 << 20]);
        return Http2Frames.Message(compressed.ToArray(), flag: 1);
    }

    private static Task FailsAsync(Func<RawPeer, Task> behave, string sentence, params StatusCode[] codes) =>
        FailsAsync(behave, sentence, RawPeer.Patience / 2, codes);

    private static async Task FailsAsync(Func<RawPeer, Task> behave, string sentence, TimeSpan deadline, params StatusCode[] codes)
    {
        await using var server = new RawServer(behave);
        using var channel = GrpcChannel.ForAddress(server.Address);
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest { Text = "x" }, deadline: DateTime.UtcNow + deadline);
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(RawPeer.Patience));
        Assert.True(codes.Contains(e.StatusCode), $"expected {string.Join(" or ", codes)}, got {e.Status}");
        Assert.Contains(sentence, e.Status.Detail, StringComparison.Ordinal);
        Assert.False(string.IsNullOrWhiteSpace(e.Status.Detail));
    }
}
