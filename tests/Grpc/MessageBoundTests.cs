using DistSgd.Grpc.Tests.Hostile;
using DistSgd.Grpc.Tests.V1;
using DistSgd.TestKit;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Calls;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests;

/// <summary>What the messages of all calls may have together: held from when a length is known until the response has left.</summary>
public sealed class MessageBoundTests
{
    private const int Bound = 1_000_000;
    private const int Large = 600_000;
    private const int Block = 64 * 1024;

    // With its five bytes of head so much that its last byte, and no other, doubles what is held: then all of it has arrived.
    private const int Half = 256 * 1024 - 5;
    private const int HeldOfHalf = 512 * 1024;
    private const int PartBytes = 16_000;
    private static readonly TimeSpan Patience = RawPeer.Patience;
    private static readonly byte[] FirstHalf = Http2Frames.Message(new byte[Half], announcedBytes: Large);

    [Fact]
    public async Task Request_InWork_IsHeld_AndAnotherIsRefused_UntilItsResponseHasLeft()
    {
        await using var host = await StartAsync(Bound);
        var hanging = host.Client.CollectOf(new EchoRequest { Payload = Bytes(Large), Behavior = "hang" });
        await host.Probe.Entered.Task.WaitAsync(Patience);
        await RefusedAsync(host, Large, "leaves too few for a request of 6000");
        Assert.Equal("small", (await host.Client.UnaryAsync(new EchoRequest { Text = "small", Payload = Bytes(60_000) })).Text);
        host.Probe.Release.SetResult();
        await hanging.WaitAsync(Patience);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Request_ThatIsStillArriving_IsHeld_UntilItsClientLeaves()
    {
        await using var host = await StartAsync(Bound);
        using (var peer = await HalfSentAsync(host))
        {
            await HeldAsync(host, held => held == HeldOfHalf);
            await RefusedAsync(host, Large, "try again later");
        }
        await ServedAsync(host);
    }

    [Fact]
    public async Task Request_ThatDoesntMove_GivesWay_WhenAnotherFindsNoRoom_AndNotBefore()
    {
        var time = new ManualTime();
        await using var host = await StartAsync(Bound, time);
        using var peer = await HalfSentAsync(host);
        await HeldAsync(host, held => held == HeldOfHalf);
        time.Advance(TimeSpan.FromSeconds(9));
        await RefusedAsync(host, Large, "try again later");
        time.Advance(TimeSpan.FromSeconds(2));
        await HeldAsync(host, held => held == HeldOfHalf);
        await RefusedAsync(host, Large, "try again later");
        await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Request_ThatIsWholeButHasNoEnd_GivesWay_AndOneInWorkDoesNot()
    {
        var time = new ManualTime();
        await using var host = await StartAsync(Bound, time);
        var hanging = host.Client.CollectOf(new EchoRequest { Payload = Bytes(300_000), Behavior = "hang" });
        await host.Probe.Entered.Task.WaitAsync(Patience);
        using var peer = await EndlessAsync(host);
        await HeldAsync(host, held => held > 300_000 + Large);
        time.Advance(TimeSpan.FromSeconds(60));
        await RefusedAsync(host, Large, "try again later");
        await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        host.Probe.Release.SetResult();
        await hanging.WaitAsync(Patience);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Requests_ThatAreOnlyAnnounced_KeepNobodyOut()
    {
        await using var host = await StartAsync(Bound);
        using var peer = await RawPeer.ConnectAsync(host.Address);
        await peer.GreetAsync();
        for (var stream = 1; stream <= 7; stream += 2)
            await peer.SendAsync(Http2Frames.Headers(stream, Hpack.Call("Unary")), Http2Frames.Data(stream, FirstHalf[..10]));
        await HeldAsync(host, held => held == 4 * Block);
        await host.Client.CollectOf(new EchoRequest { Payload = Bytes(Large) }).WaitAsync(Patience);
        await HeldAsync(host, held => held == 4 * Block);
    }

    [Fact]
    public async Task Requests_ThatAreSmallAndHaveNoEnd_AreHeld_AndGiveWay()
    {
        var time = new ManualTime();
        await using var host = await StartAsync(Bound, time);
        using var peer = await RawPeer.ConnectAsync(host.Address);
        await peer.GreetAsync();
        for (var stream = 1; stream < 1 + 2 * 10; stream += 2)
            await peer.SendAsync(Http2Frames.Headers(stream, Hpack.Call("Unary")), Http2Frames.Data(stream, Http2Frames.Message(new EchoRequest { Text = "small" }.ToByteArray())));
        await HeldAsync(host, held => held == 10 * Block);
        time.Advance(TimeSpan.FromSeconds(11));
        await RefusedAsync(host, Large, "try again later");
        await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Request_ThatIsSmall_IsHeldOnlyUntilItsEndHasCome()
    {
        await using var host = await StartAsync(Bound);
        using var peer = await RawPeer.ConnectAsync(host.Address);
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary")), Http2Frames.Data(1, Http2Frames.Message(new EchoRequest { Behavior = "hang" }.ToByteArray())));
        await HeldAsync(host, held => held == Block);
        await peer.SendAsync(Http2Frames.Data(1, [], Http2Frames.EndStream));
        await host.Probe.Entered.Task.WaitAsync(Patience);
        await HeldAsync(host, held => held == 0);
        host.Probe.Release.SetResult();
        await peer.HearAsync(frame => frame.Type == FrameType.Headers);
    }

    [Fact]
    public async Task Request_WhoseFirstBytesComeLate_HasItsTimeFromThenOn()
    {
        var time = new ManualTime();
        await using var host = await StartAsync(Bound, time);
        using var peer = await RawPeer.ConnectAsync(host.Address);
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary")));
        await peer.PingAsync();
        time.Advance(TimeSpan.FromSeconds(100));
        await SendAsync(peer, FirstHalf);
        await HeldAsync(host, held => held == HeldOfHalf);
        await RefusedAsync(host, Large, "try again later");
        await peer.PingAsync(2);
        await HeldAsync(host, held => held == HeldOfHalf);
    }

    [Fact]
    public async Task Request_ThatDrips_GivesWay()
    {
        var time = new ManualTime();
        await using var host = await StartAsync(Bound, time);
        using var peer = await HalfSentAsync(host);
        await HeldAsync(host, held => held == HeldOfHalf);
        for (var drip = 0; drip < 4; drip++)
        {
            time.Advance(TimeSpan.FromSeconds(8));
            await peer.SendAsync(Http2Frames.Data(1, [0]));
            await peer.PingAsync(drip);
        }
        await RefusedAsync(host, Large, "try again later");
        await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Response_ThatNobodyReads_GivesWay_WhenAnotherFindsNoRoom()
    {
        var time = new ManualTime();
        await using var host = await StartAsync(2 * Bound, time);
        using var peer = await UnreadAsync(host);
        // The response has begun its way, and the time that it may take.
        await peer.HearAsync(frame => frame.Type == FrameType.Headers);
        await HeldAsync(host, held => held > 2 * Large);
        time.Advance(TimeSpan.FromSeconds(40));
        await RefusedAsync(host, 2 * Large - 300_000, "leaves too few");
        await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Response_ThatNobodyReads_IsHeld_UntilItsClientLeaves()
    {
        await using var host = await StartAsync(2 * Bound);
        using (var peer = await UnreadAsync(host))
        {
            await HeldAsync(host, held => held > 2 * Large);
            await RefusedAsync(host, 2 * Large - 300_000, "leaves too few");
        }
        await ServedAsync(host);
    }

    [Fact]
    public async Task Response_ThatNobodyReads_IsCutOff_AtTheCallsDeadline()
    {
        await using var host = await StartAsync(2 * Bound);
        using var peer = await UnreadAsync(host, ("grpc-timeout", "2S"));
        await peer.HearAsync(frame => frame.Type == FrameType.ResetStream);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Request_ThatIsCompressed_CountsAsWhatItBecomes()
    {
        await using var host = await StartAsync(Bound);
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(
            new EchoRequest { Payload = Bytes(2 * Bound), Text = "x" }, new Metadata { { "grpc-internal-encoding-request", "gzip" } }).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("have 1000000 bytes together", e.Status.Detail, StringComparison.Ordinal);
        await ServedAsync(host);
    }

    [Fact]
    public async Task Response_BeyondTheBound_IsRefused()
    {
        await using var host = await StartAsync(Bound);
        // The request fits, the request with its echo doesn't.
        await RefusedAsync(host, Large, "for a response of 6000");
        await ServedAsync(host);
    }

    [Fact]
    public async Task Requests_ThatAreCompressed_CountNoMoreThanThat()
    {
        await using var host = await StartAsync(2 * Bound);
        var gzip = new Metadata { { "grpc-internal-encoding-request", "gzip" } };
        var calls = Enumerable.Range(0, 3).Select(_ => host.Client.UnaryAsync(new EchoRequest { Payload = Bytes(100_000) }, gzip).ResponseAsync).ToArray();
        Assert.All(await Task.WhenAll(calls).WaitAsync(Patience), response => Assert.Equal(100_000, response.Payload.Length));
    }

    [Fact]
    public async Task Share_OfACallThatEnds_WhileAReaderLeftBehindTakes_HoldsNothingAfterwards()
    {
        var budget = new MessageBudget(Bound, TimeProvider.System, []);
        for (var call = 0; call < 5_000; call++)
        {
            var share = new MessageShare(budget, new DefaultHttpContext());
            using var both = new Barrier(2);
            var reading = Task.Run(() =>
            {
                both.SignalAndWait();
                share.HoldRequest(Large, Block);
                share.HoldResponse(2 * Block);
            });
            both.SignalAndWait();
            share.Dispose();
            await reading.WaitAsync(Patience);
        }
        Assert.Equal(0, budget.HeldBytes);
    }

    private static Task<EchoHost> StartAsync(long bound, TimeProvider? time = null) =>
        EchoHost.StartAsync(services: services => services.AddSingleton(time ?? TimeProvider.System).AddGrpc().BoundMessages(bound));

    /// <summary>A client that announces a large request and stops before its end.</summary>
    private static async Task<RawPeer> HalfSentAsync(EchoHost host)
    {
        var peer = await RawPeer.ConnectAsync(host.Address);
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary")));
        await SendAsync(peer, FirstHalf);
        return peer;
    }

    /// <summary>A client that sends a large request, but not its end.</summary>
    private static async Task<RawPeer> EndlessAsync(EchoHost host, params (string Name, string Value)[] headers)
    {
        var peer = await RawPeer.ConnectAsync(host.Address);
        await peer.GreetAsync();
        await peer.SendAsync(Http2Frames.Headers(1, Hpack.Call("Unary", headers)));
        await SendAsync(peer, Http2Frames.Message(new EchoRequest { Payload = Bytes(Large) }.ToByteArray()));
        return peer;
    }

    private static async Task SendAsync(RawPeer peer, byte[] bytes)
    {
        foreach (var part in bytes.Chunk(PartBytes))
            await peer.SendAsync(Http2Frames.Data(1, part));
    }

    /// <summary>A client that sends a large request and never widens the window of 65,535 bytes for its response.</summary>
    private static async Task<RawPeer> UnreadAsync(EchoHost host, params (string Name, string Value)[] headers)
    {
        var peer = await EndlessAsync(host, headers);
        await peer.SendAsync(Http2Frames.Data(1, [], Http2Frames.EndStream));
        return peer;
    }

    private static ByteString Bytes(int count) => ByteString.CopyFrom(new byte[count]);

    private static async Task RefusedAsync(EchoHost host, int bytes, string why)
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest { Payload = Bytes(bytes) }).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains(why, e.Status.Detail, StringComparison.Ordinal);
    }

    /// <summary>Nothing is held any more, and a call of nearly all is served.</summary>
    private static async Task ServedAsync(EchoHost host)
    {
        await HeldAsync(host, held => held == 0);
        await host.Client.CollectOf(new EchoRequest { Payload = Bytes(Bound - 2 * Block) }).WaitAsync(Patience);
        await HeldAsync(host, held => held == 0);
    }

    private static async Task HeldAsync(EchoHost host, Predicate<long> isReached)
    {
        var budget = host.Services.GetRequiredService<MessageBudget>();
        for (var waited = TimeProvider.System.GetTimestamp(); !isReached(budget.HeldBytes);)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(waited) < Patience, $"{budget.HeldBytes} bytes are held.");
            await Task.Yield();
        }
    }
}

/// <summary>A call whose response is small, however large its request.</summary>
internal static class CollectCalls
{
    public static async Task CollectOf(this Echo.EchoClient client, EchoRequest request)
    {
        using var call = client.Collect();
        await call.RequestStream.WriteAsync(request);
        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;
    }
}
