using DistSgd.Grpc.Tests.Hostile;
using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Http2;
using Http2Error = DistSgd.Grpc.Tests.Hostile.Http2Error;

namespace DistSgd.Grpc.Tests.Http2;

/// <summary>What the client sends, and when, beside what a server allows it: windows, frames, streams, resets.</summary>
public sealed class FlowTests
{
    private static readonly TimeSpan Patience = RawPeer.Patience;

    [Theory]
    [InlineData(100_000, 10_000, 16_384)]
    [InlineData(3_000_000, 65_535, 16_384)]
    [InlineData(3_000_000, 1_000_000, 200_000)]
    [InlineData(3_000_000, 3_500_000, 16_777_215)]
    public async Task Message_IsSentWithinTheWindowsAndFrames_AndArrivesWhole(int messageBytes, int windowBytes, int frameBytesMax)
    {
        var arrived = new TaskCompletionSource<byte[]>();
        await using var server = new RawServer(async peer =>
        {
            // Once a first call has been answered, the client knows the settings.
            await peer.SendAsync(AnsweringPeer.Response(await peer.WelcomeCallAsync((Setting.InitialWindowSize, (uint)windowBytes), (Setting.MaxFrameSize, (uint)frameBytesMax))));
            await peer.SendAsync(Http2Frames.WindowUpdate(0, 1 << 30));
            var stream = await peer.HearCallAsync();
            arrived.SetResult(await ReceiveAsync(peer, stream, windowBytes, frameBytesMax));
            await peer.SendAsync(AnsweringPeer.Response(stream));
            await peer.HearToEndAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        var sent = new byte[messageBytes];
        new Random(1).NextBytes(sent);
        await client.UnaryAsync(new EchoRequest { Payload = ByteString.CopyFrom(sent) }).ResponseAsync.WaitAsync(Patience);
        var message = await arrived.Task.WaitAsync(Patience);
        Assert.Equal(sent, EchoRequest.Parser.ParseFrom(message.AsSpan(5)).Payload.ToByteArray());
    }

    [Fact]
    public async Task Window_ShrunkBelowWhatWasSent_HoldsTheClientUntilItHasGrownAgain()
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.SendAsync(AnsweringPeer.Response(await peer.WelcomeCallAsync((Setting.InitialWindowSize, 50_000))));
            var stream = await peer.HearCallAsync();
            var sentBytes = await SumOfDataAsync(peer, stream, 50_000);
            Assert.Equal(50_000, sentBytes);
            await peer.SendAsync(Http2Frames.Settings((Setting.InitialWindowSize, 10_000)), Http2Frames.WindowUpdate(stream, 39_999), Http2Frames.WindowUpdate(0, 1 << 20));
            // The window is now −1: up to the ping's answer nothing more may have come.
            Assert.DoesNotContain((await peer.PingAsync()).Frames, frame => frame.Type == FrameType.Data);
            await peer.SendAsync(Http2Frames.WindowUpdate(stream, 1 << 20));
            await peer.HearAsync(frame => frame.Type == FrameType.Data && (frame.Flags & Http2Frames.EndStream) != 0);
            await peer.SendAsync(AnsweringPeer.Response(stream));
            await peer.HearToEndAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        await client.UnaryAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[200_000]) }).ResponseAsync.WaitAsync(Patience);
    }

    [Fact]
    public async Task Window_ShrunkBelow0WhileTheConnectionsWindowHoldsAMessage_HoldsItUntilBothHaveGrown()
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.SendAsync(AnsweringPeer.Response(await peer.WelcomeCallAsync((Setting.InitialWindowSize, 1_000_000))));
            var stream = await peer.HearCallAsync();
            // The stream may send on, the connection may not: of its 65,535 bytes the first call took a few.
            await SumOfDataAsync(peer, stream, 65_000);
            await peer.SendAsync(Http2Frames.Settings((Setting.InitialWindowSize, 0)), Http2Frames.WindowUpdate(0, 1 << 20));
            Assert.DoesNotContain((await peer.PingAsync()).Frames, frame => frame.Type == FrameType.Data);
            await peer.SendAsync(Http2Frames.WindowUpdate(stream, 1 << 20));
            await peer.HearAsync(frame => frame.Type == FrameType.Data && (frame.Flags & Http2Frames.EndStream) != 0);
            await peer.SendAsync(AnsweringPeer.Response(stream));
            await peer.HearToEndAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        await client.UnaryAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[200_000]) }).ResponseAsync.WaitAsync(Patience);
    }

    [Theory]
    [InlineData(Http2Error.Cancel, StatusCode.Cancelled)]
    [InlineData(Http2Error.None, StatusCode.Internal)]
    internal async Task Nothing_IsSentOnAStreamAfterItsReset_AndItsNeighbourGoesOn(Http2Error error, StatusCode code)
    {
        var later = new TaskCompletionSource<IReadOnlyList<Frame>>();
        await using var server = new RawServer(async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            await SumOfDataAsync(peer, stream, 65_535);
            await peer.SendAsync(Http2Frames.Reset(stream, error));
            await peer.PingAsync(1);
            // The client has read the reset. All that it might want to send, it now could.
            await peer.SendAsync(Http2Frames.WindowUpdate(0, 1 << 30));
            later.SetResult((await peer.PingAsync(2)).Frames);
            await peer.AnswerAllAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        using var call = client.Collect();
        var e = await Assert.ThrowsAsync<RpcException>(
            () => call.RequestStream.WriteAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[1_000_000]) }).WaitAsync(Patience));
        Assert.Equal(code, e.StatusCode);
        Assert.DoesNotContain(await later.Task.WaitAsync(Patience), frame => frame.Type == FrameType.Data);
        await client.UnaryAsync(new EchoRequest { Text = "neighbour" }).ResponseAsync.WaitAsync(Patience);
    }

    [Fact]
    public async Task Cancelled_InMidMessage_IsResetAndTheBegunFrameIsWhole()
    {
        var (isFull, heard) = (new TaskCompletionSource(), new TaskCompletionSource<Heard>());
        await using var server = new RawServer(async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            await SumOfDataAsync(peer, stream, 65_535);
            isFull.SetResult();
            heard.SetResult(await peer.HearAsync(frame => frame.Type == FrameType.ResetStream));
            await peer.AnswerAllAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        using var source = new CancellationTokenSource();
        var call = client.UnaryAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[1_000_000]) }, cancellationToken: source.Token);
        await isFull.Task.WaitAsync(Patience);
        await source.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience))).StatusCode);
        Assert.Equal(Http2Error.Cancel, (await heard.Task.WaitAsync(Patience)).Frames[^1].Error);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
    }

    [Fact]
    public async Task Streams_BeyondTheServersLimit_GoOverOtherConnections()
    {
        const int Calls = 20;
        var held = new LiveCount();
        var release = new TaskCompletionSource();
        await using var server = new RawServer(async peer =>
        {
            await peer.WelcomeAsync((Setting.StreamsMax, 1));
            for (int stream; (stream = await peer.HearCallAsync()) != 0;)
            {
                held.Add(1);
                if (held.Live > 1)
                    await release.Task;
                await peer.SendAsync(AnsweringPeer.Response(stream));
            }
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        var calls = Enumerable.Range(0, Calls).Select(_ => client.UnaryAsync(new EchoRequest()).ResponseAsync).ToList();
        // Each connection answers one call at a time, and none is answered yet: all have been heard, so there are as many connections.
        await held.WhenAsync(live => live == 1 + Calls, "calls that a server has heard");
        release.SetResult();
        await Task.WhenAll(calls).WaitAsync(Patience);
    }

    [Fact]
    public async Task Head_LargerThanAFrame_IsContinued_AndOneTooLargeForTheServerIsRefusedHere()
    {
        await using var host = await EchoHost.StartAsync();
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        var large = new Metadata { { "a", new string('x', 12_000) }, { "b", new string('y', 12_000) } };
        await host.Client.UnaryAsync(new EchoRequest(), large).ResponseAsync.WaitAsync(Patience);
        var tooLarge = new Metadata { { "a", new string('x', 12_000) }, { "b", new string('y', 12_000) }, { "c", new string('z', 12_000) } };
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest(), tooLarge).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("the server takes at most 32768", e.Status.Detail, StringComparison.Ordinal);
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(1, host.ConnectionCount);
    }

    [Fact]
    public async Task Reader_ThatDoesntRead_StopsItsOwnStreamOnly_AndAServerThatGoesOnIsReset()
    {
        const int FrameBytes = 16 * 1024;
        var (isFull, reset) = (new TaskCompletionSource(), new TaskCompletionSource<Heard>());
        await using var server = new RawServer(async peer =>
        {
            var stream = await peer.WelcomeCallAsync();
            await peer.SendAsync(AnsweringPeer.Head(stream));
            for (var bytes = 0; bytes < Http2Limits.StreamWindowBytes; bytes += FrameBytes)
                await peer.SendAsync(Http2Frames.Data(stream, new byte[FrameBytes]));
            // As much as the window has, unread: the stream gets no more, its neighbours are served.
            Assert.DoesNotContain((await peer.PingAsync()).Frames, frame => frame.Type == FrameType.WindowUpdate && frame.Stream == stream);
            isFull.SetResult();
            await peer.SendAsync(AnsweringPeer.Response(await peer.HearCallAsync()));
            await peer.SendAsync(Http2Frames.Data(stream, [1]));
            reset.SetResult(await peer.HearAsync(frame => frame.Type == FrameType.ResetStream));
            await peer.AnswerAllAsync();
        });
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Echo.EchoClient(channel);
        using var unread = client.Expand(new EchoRequest());
        await isFull.Task.WaitAsync(Patience);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(Http2Error.FlowControl, (await reset.Task.WaitAsync(Patience)).Frames[^1].Error);
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
    }

    private static async Task<byte[]> ReceiveAsync(RawPeer peer, int stream, int windowBytes, int frameBytesMax)
    {
        using var message = new MemoryStream();
        var left = windowBytes;
        while (true)
        {
            var heard = await peer.HearAsync(frame => frame.Type == FrameType.Data);
            var data = heard.Frames[^1];
            Assert.False(heard.HasEnded);
            Assert.InRange(data.Payload.Length, 0, Math.Min(frameBytesMax, left));
            message.Write(data.Payload);
            left -= data.Payload.Length;
            if ((data.Flags & Http2Frames.EndStream) != 0)
                return message.ToArray();
            if (left > 0)
                continue;
            await peer.SendAsync(Http2Frames.WindowUpdate(stream, (uint)windowBytes));
            left = windowBytes;
        }
    }

    /// <summary>Hears DATA until so many bytes have come.</summary>
    private static async Task<int> SumOfDataAsync(RawPeer peer, int stream, int bytes)
    {
        var sum = 0;
        await peer.HearAsync(frame => frame.Type == FrameType.Data && frame.Stream == stream && (sum += frame.Payload.Length) >= bytes);
        return sum;
    }
}
