using DistSgd.Grpc.Tests.Hostile;
using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Http2;

namespace DistSgd.Grpc.Tests.Http2;

/// <summary>How calls and connections end where reader, writer and server don't agree on the moment.</summary>
public sealed class EndingTests
{
    private static readonly TimeSpan Patience = RawPeer.Patience;

    [Fact]
    public async Task Write_ThatTheServersEndCutsShort_ThrowsTheStatus_ThoughNobodyReadsOn()
    {
        await using var server = new RawServer(async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            // The window is used up: the writer waits. The reader gets its message, and the call's end lies behind it.
            await peer.HearAsync(frame => frame.Type == FrameType.Data && frame.Payload.Length < Http2Limits.DefaultFrameBytesMax);
            await peer.SendAsync(
                AnsweringPeer.Head(stream), Http2Frames.Data(stream, Http2Frames.Message([])),
                Http2Frames.Headers(stream, Hpack.Block(("grpc-status", "9"), ("grpc-message", "enough")), Http2Frames.EndHeaders | Http2Frames.EndStream));
            await peer.HearToEndAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        using var call = new Echo.EchoClient(channel).Chat();
        var read = call.ResponseStream.MoveNext();
        var write = call.RequestStream.WriteAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[1_000_000]) });
        Assert.True(await read.WaitAsync(Patience));
        var e = await Assert.ThrowsAsync<RpcException>(() => write.WaitAsync(Patience));
        Assert.Equal(new Status(StatusCode.FailedPrecondition, "enough"), e.Status);
        Assert.Equal(e.Status, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext().WaitAsync(Patience))).Status);
    }

    [Fact]
    public async Task CallsThatEndedWell_AreNotReset()
    {
        const int Calls = 500;
        var heard = new TaskCompletionSource<Heard>();
        await using var server = new RawServer(async peer =>
        {
            await peer.WelcomeAsync();
            var frames = new List<Frame>();
            for (var i = 0; i < Calls; i++)
            {
                frames.AddRange((await peer.HearAsync(frame => frame.Type == FrameType.Data)).Frames);
                await peer.SendAsync(AnsweringPeer.Response(frames[^1].Stream));
            }
            frames.AddRange((await peer.PingAsync()).Frames);
            heard.SetResult(new Heard(frames, HasEnded: false));
            await peer.HearToEndAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        for (var i = 0; i < Calls; i++)
            await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.DoesNotContain((await heard.Task.WaitAsync(Patience)).Frames, frame => frame.Type == FrameType.ResetStream);
    }

    [Fact]
    public async Task Server_ThatReadsNothing_IsGivenUpOnceCallsThatEndedEarlyHaveFilledWhatWaitsForIt()
    {
        const int Calls = 3000;
        var (connections, end) = (0, new TaskCompletionSource());
        await using var server = new RawServer(async peer =>
        {
            if (Interlocked.Increment(ref connections) > 1)
            {
                await peer.ServeAsync();
                return;
            }
            // It allows any number of streams, and stops reading.
            await peer.SendAsync(AnsweringPeer.Response(await peer.WelcomeCallAsync()));
            await end.Task;
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        for (var i = 0; i < Calls; i++)
        {
            using var source = new CancellationTokenSource();
            var call = client.UnaryAsync(new EchoRequest(), new Metadata { { "large", $"{i}{new string('x', 16_000)}" } }, cancellationToken: source.Token);
            await source.CancelAsync();
            await call.ResponseAsync.ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Patience);
        }
        // On the first connection it would never be answered.
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.InRange(connections, 2, Calls);
        end.SetResult();
    }

    [Fact]
    public async Task Completing_ACallThatCouldntBeOpened_SaysNothing_AndItsStatusIsTheReason()
    {
        await using var host = await EchoHost.StartAsync();
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        var tooLarge = new Metadata { { "a", new string('x', 40_000) } };
        using var call = host.Client.Collect(tooLarge);
        await call.RequestStream.CompleteAsync().WaitAsync(Patience);
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience))).StatusCode);
    }

    [Fact]
    public void Streams_AreUsedUp_AtTheLargestNumber()
    {
        var streams = new StreamTable(firstId: int.MaxValue - 2);
        Assert.Equal(int.MaxValue - 2, streams.Add(new Http2Stream()));
        Assert.False(streams.IsUsedUp);
        Assert.Equal(int.MaxValue, streams.Add(new Http2Stream()));
        Assert.True(streams.IsUsedUp);
        Assert.True(streams.TryFind(int.MaxValue, out _));
        streams.Remove(int.MaxValue);
        Assert.False(streams.TryFind(int.MaxValue, out _));
        Assert.Throws<ProtocolViolationException>(() => streams.TryFind(2, out _));
    }
}
