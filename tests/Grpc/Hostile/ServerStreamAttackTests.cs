using Grpc.Core;
using static DistSgd.Grpc.Tests.Hostile.HostileServerRun;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>A server that mistreats a stream, floods, or leaves in the middle: the call ends with its status, and the channel works on.</summary>
[Collection(HostileCollection.Name)]
public sealed class ServerStreamAttackTests
{
    private const int FloodFrames = 50_000;
    private const string Violation = "doesn't speak HTTP/2 as it should: ";

    [Fact]
    public Task Data_BeforeTheHead_EndsTheCallAlone() => ViolateAsync(SendingAndServing(Http2Frames.Data(1, [0, 0, 0, 0, 0])), Violation + "It sent DATA before");

    [Fact]
    public Task Head_WithoutStatus_EndsTheCallAlone() =>
        ViolateAsync(SendingAndServing(Http2Frames.Headers(1, Hpack.Block(("content-type", "application/grpc")))), "a response's head without a status");

    [Fact]
    public Task Head_Twice_EndsTheCallAlone() => ViolateAsync(SendingAndServing([.. AnsweringPeer.Head(1), .. AnsweringPeer.Head(1)]), "a second head");

    [Fact]
    public Task Trailers_ThatDontEnd_EndTheCallAlone() => ViolateAsync(
        SendingAndServing(AnsweringPeer.Head(1), Http2Frames.Headers(1, Hpack.Block(("grpc-status", "0")))), "trailers that don't end the response");

    [Fact]
    public Task HeaderName_InUpperCase_EndsTheCallAlone() =>
        ViolateAsync(SendingAndServing(Http2Frames.Headers(1, Hpack.Block((":status", "200"), ("X-Mine", "1")))), "'X-Mine', which isn't in lower case");

    [Fact]
    public Task PseudoHeader_AfterOthers_EndsTheCallAlone() =>
        ViolateAsync(SendingAndServing(Http2Frames.Headers(1, Hpack.Block(("x", "1"), (":status", "200")))), "where no such header may stand");

    [Fact]
    public Task Informational_Heads_AreSkipped() => AttackAsync(
        SendingAndServing(Http2Frames.Headers(1, Hpack.Block((":status", "103"))), Http2Frames.Headers(1, Hpack.Block((":status", "100"))), AnsweringPeer.Response(1)),
        "", StatusCode.OK);

    [Fact]
    public Task Frames_AfterTheEnd_AreIgnored() => AttackAsync(
        SendingAndServing(AnsweringPeer.Response(1), Http2Frames.Data(1, new byte[100]), AnsweringPeer.Head(1), Http2Frames.WindowUpdate(1, 5), Http2Frames.Reset(1, Http2Error.Internal)),
        "", StatusCode.OK);

    [Fact]
    public Task Frames_OfUnknownKinds_AreIgnored() => AttackAsync(
        SendingAndServing(Http2Frames.Make((FrameType)200, 255, 77, new byte[300_000]), Http2Frames.Make((FrameType)2, 0, 1, new byte[5]), AnsweringPeer.Response(1)),
        "", StatusCode.OK);

    [Fact]
    public Task PaddedFrames_AreRead() => AttackAsync(
        SendingAndServing(
            AnsweringPeer.Head(1), Http2Frames.Data(1, [3, .. Http2Frames.Message([]), 0, 0, 0], flags: 8),
            Http2Frames.Headers(1, [2, 0, 0, 0, 0, 7, .. Hpack.Block(("grpc-status", "0")), 0, 0], Http2Frames.EndHeaders | Http2Frames.EndStream | 8 | 32)),
        "", StatusCode.OK);

    [Fact]
    public Task Headers_InManySmallFrames_AreRead() => AttackAsync(
        SendingAndServing(
            AnsweringPeer.Head(1), Http2Frames.Data(1, Http2Frames.Message([])), Http2Frames.Headers(1, [], Http2Frames.EndStream),
            [.. Hpack.Block(("grpc-status", "0")).SelectMany(octet => Http2Frames.Make(FrameType.Continuation, 0, 1, [octet]))],
            Http2Frames.Make(FrameType.Continuation, Http2Frames.EndHeaders, 1, [])),
        "", StatusCode.OK);

    [Fact]
    public Task HeaderList_TooLarge_EndsTheConnection() => ViolateAsync(
        Sending([.. Http2Frames.Headers(1, [.. Hpack.Literal("a", new string('x', 4000), isIndexed: true), .. Enumerable.Repeat((byte)0xbe, 100)])]),
        "headers of more than 65536 bytes");

    [Fact]
    public Task Headers_Endless_EndTheConnection() => ViolateAsync(
        async peer =>
        {
            await peer.WelcomeCallAsync();
            await peer.SendAsync(Http2Frames.Headers(1, Hpack.Block((":status", "200")), flags: 0));
            await peer.TryFloodAsync(i => Http2Frames.Make(FrameType.Continuation, 0, 1, Hpack.Literal($"h{i}", new string('x', 10_000))), 1000);
            await peer.HearToEndAsync();
        },
        "headers of more than 65536 bytes");

    [Fact]
    public Task Pings_WhoseAnswersAreRead_HarmNobody() => FloodAsync(i => Http2Frames.Ping(i), isRead: true, StatusCode.OK);

    [Fact]
    public Task Settings_WhoseAnswersAreRead_HarmNobody() => FloodAsync(i => Http2Frames.Settings((Setting.InitialWindowSize, (uint)(i % 100_000))), isRead: true, StatusCode.OK);

    [Fact]
    public Task Pings_WhoseAnswersArentRead_EndTheConnection() => FloodAsync(i => Http2Frames.Ping(i), isRead: false, StatusCode.Unavailable);

    [Fact]
    public Task WindowUpdates_Resets_AndPriorities_OfEndedStreams_HarmNobody() => AttackAsync(
        async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            await peer.SendAsync(AnsweringPeer.Response(stream));
            await peer.TryFloodAsync(_ => [.. Http2Frames.Reset(1, Http2Error.Cancel), .. Http2Frames.WindowUpdate(1, 1)], FloodFrames);
            await peer.AnswerAllAsync();
        },
        "", StatusCode.OK);

    [Fact]
    public Task GoAway_ThatKnowsNothingOfTheCall_HasItSentAgain() => AttackAsync(
        Sending(Http2Frames.GoAway(0, Http2Error.None)), "", StatusCode.OK);

    [Fact]
    public Task Refused_Once_IsSentAgain() => AttackAsync(
        SendingAndServing(Http2Frames.Reset(1, Http2Error.RefusedStream)), "", StatusCode.OK);

    [Fact]
    public Task GoAway_InMidCall_LetsItEnd() => AttackAsync(
        Sending([.. AnsweringPeer.Head(1), .. Http2Frames.GoAway(1, Http2Error.None), .. Http2Frames.Data(1, Http2Frames.Message([])), .. AnsweringPeer.Trailers(1)]),
        "", StatusCode.OK);

    [Fact]
    public Task GoAway_ThenTheEndInMidCall_IsUnavailable() => AttackAsync(
        async peer =>
        {
            await peer.WelcomeCallAsync();
            await peer.SendAsync(AnsweringPeer.Head(1), Http2Frames.GoAway(1, Http2Error.EnhanceYourCalm));
        },
        "broke during the call", StatusCode.Unavailable);

    [Fact]
    public async Task Connection_CutAtEachByte_EndsTheCall_AndTheNextIsServed()
    {
        byte[] whole = [.. Http2Frames.Settings((Setting.InitialWindowSize, 70_000)), .. AnsweringPeer.Response(1)];
        for (var bytes = 0; bytes < whole.Length; bytes++)
        {
            var sent = whole[..bytes];
            await AttackAsync(
                async peer =>
                {
                    await peer.SkipPrefaceAsync();
                    await peer.HearCallAsync();
                    await peer.SendAsync(sent);
                },
                "", StatusCode.Unavailable);
        }
    }

    private static Task FloodAsync(Func<int, byte[]> frame, bool isRead, StatusCode code) => AttackAsync(
        async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            var reading = isRead ? peer.HearToEndAsync() : Task.CompletedTask;
            // What the client doesn't read any more, or has ended the connection over, is no longer sent either.
            await peer.TryFloodAsync(frame, isRead ? FloodFrames : 20 * FloodFrames);
            await peer.SendAsync(AnsweringPeer.Response(stream), Http2Frames.GoAway(stream, Http2Error.None));
            await reading;
        },
        "", code);
}
