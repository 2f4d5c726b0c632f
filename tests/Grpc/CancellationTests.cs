using DistSgd.Grpc.Tests.V1;
using Grpc.Core;

namespace DistSgd.Grpc.Tests;

public sealed class CancellationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Token_InAUnaryCall_ReachesTheServer()
    {
        await using var host = await EchoHost.StartAsync();
        using var source = new CancellationTokenSource();
        using var call = host.Client.UnaryAsync(new EchoRequest { Behavior = "wait-for-token" }, cancellationToken: source.Token);
        await host.Probe.Entered.Task.WaitAsync(Patience);
        await source.CancelAsync();
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Token_CancelledBefore_SendsNothing()
    {
        await using var host = await EchoHost.StartAsync();
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Client.UnaryAsync(new EchoRequest(), cancellationToken: new CancellationToken(canceled: true)));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
    }

    [Fact]
    public async Task Dispose_OfAnUnreadStream_ReachesTheServer()
    {
        await using var host = await EchoHost.StartAsync();
        var call = host.Client.Expand(new EchoRequest { Behavior = "wait-for-token", Responses = 2 });
        Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        await host.Probe.Entered.Task.WaitAsync(Patience);
        call.Dispose();
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Fact]
    public async Task Dispose_OfADuplexCall_EndsReadsAndWrites()
    {
        await using var host = await EchoHost.StartAsync();
        var call = host.Client.Chat();
        await call.RequestStream.WriteAsync(new EchoRequest { Behavior = "wait-for-token" }).WaitAsync(Patience);
        await host.Probe.Entered.Task.WaitAsync(Patience);
        var read = call.ResponseStream.MoveNext();
        call.Dispose();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => read.WaitAsync(Patience))).StatusCode);
        var write = await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new EchoRequest()).WaitAsync(Patience));
        Assert.Equal(StatusCode.Cancelled, write.StatusCode);
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Token_OfARead_EndsTheCall()
    {
        await using var host = await EchoHost.StartAsync();
        using var source = new CancellationTokenSource();
        using var call = host.Client.Expand(new EchoRequest { Behavior = "wait-for-token" });
        await host.Probe.Entered.Task.WaitAsync(Patience);
        var read = call.ResponseStream.MoveNext(source.Token);
        await source.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => read.WaitAsync(Patience))).StatusCode);
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task ChannelDisposed_CallsUnderWay_AreCancelled()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.UnaryAsync(new EchoRequest { Behavior = "wait-for-token" });
        await host.Probe.Entered.Task.WaitAsync(Patience);
        host.Channel.Dispose();
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(new Status(StatusCode.Cancelled, "The call's channel was disposed."), e.Status);
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
        await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
    }

    [Fact]
    public async Task Write_WhileAnotherIsUnderWay_IsRefused()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Chat();
        // A server that doesn't read lets flow control stop the write sooner or later.
        await call.RequestStream.WriteAsync(new EchoRequest { Behavior = "hang" }).WaitAsync(Patience);
        var large = new EchoRequest { Payload = Google.Protobuf.ByteString.CopyFrom(new byte[3_000_000]) };
        var stuck = call.RequestStream.WriteAsync(large);
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(large).WaitAsync(Patience));
        call.Dispose();
        await Assert.ThrowsAsync<RpcException>(() => stuck.WaitAsync(Patience));
    }

    [Fact]
    public async Task Cancelling_ManyCalls_LeavesTheServerServing()
    {
        await using var host = await EchoHost.StartAsync();
        for (var i = 0; i < 200; i++)
        {
            using var source = new CancellationTokenSource();
            var call = host.Client.UnaryAsync(new EchoRequest { Text = "x" }, cancellationToken: source.Token);
            if (i % 2 == 0)
                await source.CancelAsync();
            else
                call.Dispose();
            await Assert.ThrowsAnyAsync<RpcException>(async () =>
            {
                await call.ResponseAsync.WaitAsync(Patience);
                throw new RpcException(new Status(StatusCode.OK, "the response came first"));
            });
        }
        Assert.Equal("after", (await host.Client.UnaryAsync(new EchoRequest { Text = "after" }).ResponseAsync.WaitAsync(Patience)).Text);
    }

    [Fact]
    public async Task Reset_OfWhichAReaderHearsBeforeTheToken_IsTheClientsLeaving_AndNoErrorOfTheService()
    {
        await using var host = await EchoHost.StartAsync();
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest { Behavior = "hear-of-a-reset" }).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }
}
