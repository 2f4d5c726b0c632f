using DistSgd.Grpc.Tests.V1;
using Grpc.Core;

namespace DistSgd.Grpc.Tests;

public sealed class DeadlineTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static DateTime Soon => DateTime.UtcNow.AddMilliseconds(150);

    [Fact]
    public async Task Deadline_ServerIgnoresItsToken_ClientStillEnds()
    {
        await using var host = await EchoHost.StartAsync();
        var e = await Assert.ThrowsAsync<RpcException>(
            () => host.Client.UnaryAsync(new EchoRequest { Behavior = "hang" }, deadline: Soon).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Deadline_OnTheServer_CancelsTheToken()
    {
        await using var host = await EchoHost.StartAsync();
        await UntilTheServerHasEnteredAsync(host, async deadline =>
        {
            var e = await Assert.ThrowsAsync<RpcException>(
                () => host.Client.UnaryAsync(new EchoRequest { Behavior = "wait-for-token" }, deadline: deadline).ResponseAsync.WaitAsync(Patience));
            Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        });
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Deadline_Given_ReachesTheServersContext()
    {
        await using var host = await EchoHost.StartAsync();
        var deadline = DateTime.UtcNow.AddHours(2);
        using var call = host.Client.UnaryAsync(new EchoRequest { Behavior = "hang" }, deadline: deadline);
        await host.Probe.Entered.Task.WaitAsync(Patience);
        var seen = host.Probe.Context!.Deadline;
        host.Probe.Release.SetResult();
        await call;
        Assert.InRange(seen, deadline.AddMinutes(-1), deadline.AddMinutes(1));
    }

    [Fact]
    public async Task Deadline_Past_EndsAtOnce()
    {
        await using var host = await EchoHost.StartAsync();
        var e = await Assert.ThrowsAsync<RpcException>(
            () => host.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddSeconds(-1)).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Deadline_InAResponseStream_EndsTheStream()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Expand(new EchoRequest { Behavior = "wait-for-token", Responses = 1 }, deadline: Soon);
        // The one response may come before the deadline or not, as the machine likes.
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext().WaitAsync(Patience))
            {
            }
        });
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Deadline_NobodyReads_EndsTheCallOnBothSides()
    {
        await using var host = await EchoHost.StartAsync();
        await UntilTheServerHasEnteredAsync(host, async deadline =>
        {
            using var call = host.Client.Chat(deadline: deadline);
            var write = await Record.ExceptionAsync(() => call.RequestStream.WriteAsync(new EchoRequest { Behavior = "wait-for-token" }).WaitAsync(Patience));
            Assert.Equal(StatusCode.DeadlineExceeded, (write as RpcException)?.StatusCode ?? StatusCode.DeadlineExceeded);
            await call.ResponseHeadersAsync.ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Patience);
            Assert.Equal(StatusCode.DeadlineExceeded, call.GetStatus().StatusCode);
        });
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
    }

    /// <summary>On a slow machine a deadline may pass before the request arrives; then it is tried again with twice the time.</summary>
    private static async Task UntilTheServerHasEnteredAsync(EchoHost host, Func<DateTime, Task> call)
    {
        for (var milliseconds = 100; !host.Probe.Entered.Task.IsCompleted && milliseconds < 60_000; milliseconds *= 2)
            await call(DateTime.UtcNow.AddMilliseconds(milliseconds));
    }
}
