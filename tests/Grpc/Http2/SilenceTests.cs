using DistSgd.Grpc.Tests.Hostile;
using DistSgd.TestKit;
using Grpc.Core;
using Grpc.Net.Client.Http2;
using Grpc.Wire;

namespace DistSgd.Grpc.Tests.Http2;

/// <summary>A connection on which nothing comes while a call is under way is pinged, and given up where nothing comes then.</summary>
public sealed class SilenceTests
{
    private static readonly KeepAliveTimes Times = KeepAliveTimes.Default;

    [Fact]
    public async Task Server_ThatAnswersNoPing_IsGivenUp()
    {
        var (called, pinged) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var server = new RawServer(async peer =>
        {
            await peer.WelcomeCallAsync();
            await IsHeardAsync(peer);
            called.SetResult();
            await peer.HearAsync(frame => frame.Type == FrameType.Ping);
            pinged.SetResult();
            await peer.HearToEndAsync();
        });
        var clock = new ManualTime();
        using var transport = RawTransport.Create(server.Address, Times, clock);
        using var call = transport.Open(RawTransport.Head);
        var exchange = call.SendAsync(Message(), CancellationToken.None).AsTask();
        await called.Task.WaitAsync(RawPeer.Patience);
        clock.Advance(Times.Silence);
        await pinged.Task.WaitAsync(RawPeer.Patience);
        Assert.False(exchange.IsCompleted);
        clock.Advance(Times.Answer);
        var e = await Assert.ThrowsAsync<ConnectionLostException>(() => exchange.WaitAsync(RawPeer.Patience));
        Assert.Equal("The server was silent for 360 s and didn't answer a ping within 20 s.", e.Message);
        Assert.Equal(StatusCode.Unavailable, transport.Explain(e).StatusCode);
    }

    [Fact]
    public async Task Server_ThatAnswersPings_MayBeSilentForAsLongAsItLikes()
    {
        var (called, release) = (new TaskCompletionSource(), new SemaphoreSlim(0));
        await using var server = new RawServer(async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            await IsHeardAsync(peer);
            called.SetResult();
            for (var i = 0; i < 3; i++)
            {
                var ping = (await peer.HearAsync(frame => frame.Type == FrameType.Ping)).Frames[^1];
                await peer.SendAsync(Http2Frames.Make(FrameType.Ping, Http2Frames.Ack, 0, ping.Payload));
                await IsHeardAsync(peer);
                release.Release();
            }
            await peer.SendAsync(AnsweringPeer.Response(stream));
            await peer.HearToEndAsync();
        });
        var clock = new ManualTime();
        using var transport = RawTransport.Create(server.Address, Times, clock);
        using var call = transport.Open(RawTransport.Head);
        var exchange = call.SendAsync(Message(), CancellationToken.None).AsTask();
        await called.Task.WaitAsync(RawPeer.Patience);
        for (var i = 0; i < 3; i++)
        {
            // To the very moment of the ping: time that moved further would find it unanswered at once.
            clock.Advance(i == 0 ? Times.Silence : Times.Silence - Times.Answer);
            Assert.True(await release.WaitAsync(RawPeer.Patience));
            clock.Advance(Times.Answer);
        }
        Assert.Equal(200, (await exchange.WaitAsync(RawPeer.Patience)).HttpStatus);
    }

    // All that the server has sent, its settings and answers, has been read when its own ping is answered: none of it comes when time has moved on.
    private static Task IsHeardAsync(RawPeer peer) => peer.PingAsync();

    private static FramedMessage Message()
    {
        var buffer = MessagePool.Rent(5);
        MessageFraming.WriteHeader(buffer, 0);
        return new FramedMessage(buffer, 5);
    }
}
