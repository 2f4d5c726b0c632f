using Grpc.Net.Client.Http2;
using static DistSgd.Grpc.Tests.Hostile.HostileServerRun;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>A server whose frames HTTP/2 forbids: the call ends as Unavailable with a sentence, and the next one is served on a new connection.</summary>
[Collection(HostileCollection.Name)]
public sealed class ServerFrameAttackTests
{
    private const string Violation = "doesn't speak HTTP/2 as it should: ";

    [Fact]
    public Task Preface_Garbage() => ViolateAsync(Beginning("SSH-2.0-OpenSSH_9.2\r\n"u8.ToArray()), Violation + "The first that it sent is no SETTINGS frame.");

    [Fact]
    public Task Preface_Http1() => ViolateAsync(Beginning("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray()), Violation + "It answered with HTTP/1.");

    [Fact]
    public Task Preface_PingBeforeSettings() => ViolateAsync(Beginning(Http2Frames.Ping(1)), "no SETTINGS frame");

    [Fact]
    public Task Frame_Oversized_OfAnyKind() =>
        ViolateAsync(Sending(Http2Frames.Make(FrameType.Data, 0, 1, [], Http2Limits.ReceivedFrameBytesMax + 1)), "the largest allowed has 1048576");

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(7)]
    public Task Frame_LargeWhereNoneIsNeeded(int kind) =>
        ViolateAsync(Sending(Http2Frames.Make((FrameType)kind, 0, kind == 1 ? 1 : 0, [], Http2Limits.HeaderBlockBytesMax + 1)), "at most 65536 are taken");

    [Fact]
    public Task Data_OnAnIdleStream() => ViolateAsync(Sending(Http2Frames.Data(99, [1])), "on stream 99, which was never opened");

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public Task Headers_OnNoStreamOfTheClients(int stream) => ViolateAsync(Sending(AnsweringPeer.Head(stream)), "which was never opened");

    [Fact]
    public Task Headers_ThenAnotherFrameBeforeTheirEnd() =>
        ViolateAsync(Sending(Http2Frames.Headers(1, Hpack.Indexed(8), flags: 0), Http2Frames.Data(1, [])), "within a header block");

    [Fact]
    public Task Headers_ContinuedOnAnotherStream() =>
        ViolateAsync(Sending(Http2Frames.Headers(1, Hpack.Indexed(8), flags: 0), Http2Frames.Make(FrameType.Continuation, 4, 3, [])), "within a header block");

    [Fact]
    public Task Continuation_OfNothing() => ViolateAsync(Sending(Http2Frames.Make(FrameType.Continuation, 4, 1, [])), "CONTINUATION where none may stand");

    [Fact]
    public Task Continuation_Empty_WithoutEnd() => ViolateAsync(
        async peer =>
        {
            await peer.WelcomeCallAsync();
            await peer.SendAsync(Http2Frames.Headers(1, Hpack.Indexed(8), flags: 0));
            await peer.TryFloodAsync(_ => Http2Frames.Make(FrameType.Continuation, 0, 1, []), 10_000);
            await peer.HearToEndAsync();
        },
        "in more than 64 frames");

    [Fact]
    public Task Push_ThatWasForbidden() => ViolateAsync(Sending(Http2Frames.Make((FrameType)5, 4, 1, new byte[4])), "PUSH_PROMISE");

    [Theory]
    [InlineData(6, 0, 7)]
    [InlineData(4, 0, 5)]
    [InlineData(7, 0, 7)]
    [InlineData(8, 1, 3)]
    [InlineData(3, 1, 5)]
    public Task Frame_OfAWrongLength(int kind, int stream, int bytes) =>
        ViolateAsync(Sending(Http2Frames.Make((FrameType)kind, 0, stream, new byte[bytes])), $"frame of {bytes} bytes, which it can't have");

    [Theory]
    [InlineData(6, 8)]
    [InlineData(4, 6)]
    [InlineData(7, 8)]
    public Task Frame_OfTheConnection_OnAStream(int kind, int bytes) =>
        ViolateAsync(Sending(Http2Frames.Make((FrameType)kind, 0, 1, new byte[bytes])), "on stream 1.");

    [Fact]
    public Task Settings_AcknowledgedWithContent() =>
        ViolateAsync(Sending(Http2Frames.Make(FrameType.Settings, Http2Frames.Ack, 0, new byte[6])), "which it can't have");

    [Theory]
    [InlineData(2, 1u)]
    [InlineData(4, 0x8000_0000u)]
    [InlineData(5, 16_383u)]
    [InlineData(5, 16_777_216u)]
    public Task Settings_OutOfRange(int setting, uint value) => ViolateAsync(Sending(Http2Frames.Settings(((Setting)setting, value))), $"to {value}, which it can't be");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public Task WindowUpdate_OfZero(int stream) => ViolateAsync(Sending(Http2Frames.WindowUpdate(stream, 0)), "WINDOW_UPDATE of 0");

    [Theory]
    [InlineData(0, "the connection's window")]
    [InlineData(1, "a stream's window")]
    public Task WindowUpdate_BeyondTheLargestWindow(int stream, string which) =>
        ViolateAsync(Sending(Http2Frames.WindowUpdate(stream, int.MaxValue)), $"widened {which} beyond");

    [Fact]
    public Task Settings_ThatWidenAStreamBeyondTheLargestWindow() => ViolateAsync(
        Sending(Http2Frames.WindowUpdate(1, 1 << 30), Http2Frames.Settings((Setting.InitialWindowSize, int.MaxValue))), "widened a stream's window beyond");

    [Fact]
    public Task Data_WithMorePaddingThanBytes() => ViolateAsync(Sending(AnsweringPeer.Head(1), Http2Frames.Data(1, [9, 1, 2], flags: 8)), "more padding than bytes");

    [Fact]
    public Task Headers_WithMorePaddingThanBytes() => ViolateAsync(Sending(Http2Frames.Headers(1, [9, 0x88], Http2Frames.EndHeaders | 8)), "more padding than bytes");

    [Theory]
    [InlineData("be", "a header has the index 62")]
    [InlineData("40016184ffffffff", "a string is no Huffman code")]
    [InlineData("3fe21f", "its header table is set to 4097 bytes")]
    public Task HeaderBlock_Malformed(string block, string why) =>
        ViolateAsync(Sending(Http2Frames.Headers(1, Convert.FromHexString(block))), $"malformed header block: {why}");

    private static Func<RawPeer, Task> Beginning(byte[] bytes) => async peer =>
    {
        await peer.SendAsync(bytes);
        await peer.HearToEndAsync();
    };
}
