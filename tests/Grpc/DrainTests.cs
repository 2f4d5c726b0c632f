using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace DistSgd.Grpc.Tests;

/// <summary>What becomes of calls when a server is told to stop.</summary>
public sealed class DrainTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Stop_CallUnderWay_Finishes_NewOnesAreUnavailable()
    {
        await using var host = await EchoHost.StartAsync();
        var underWay = host.Client.UnaryAsync(new EchoRequest { Behavior = "hang", Text = "first" });
        await host.Probe.Entered.Task.WaitAsync(Patience);
        var stopping = host.StopServerAsync();
        Assert.Equal(StatusCode.Unavailable, await FirstFailureAsync(host.Client));
        Assert.False(stopping.IsCompleted);
        Assert.False(underWay.ResponseAsync.IsCompleted);
        host.Probe.Release.SetResult();
        Assert.Equal("first", (await underWay.ResponseAsync.WaitAsync(Patience)).Text);
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public async Task Stop_StreamUnderWay_MayGoOn()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Chat();
        await SayAsync(call, "before");
        var stopping = host.StopServerAsync();
        Assert.Equal(StatusCode.Unavailable, await FirstFailureAsync(host.Client));
        await SayAsync(call, "after");
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public async Task Stop_PastTheDrainDeadline_CutsTheCall()
    {
        await using var host = await EchoHost.StartAsync(
            services: services => services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100)));
        var hanging = host.Client.UnaryAsync(new EchoRequest { Behavior = "wait-for-token" });
        await host.Probe.Entered.Task.WaitAsync(Patience);
        await host.StopServerAsync().WaitAsync(Patience);
        var e = await Assert.ThrowsAsync<RpcException>(() => hanging.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        await host.Probe.Cancelled.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Stop_NewServerInItsPlace_TakesTheNextCallsOfTheSameChannel()
    {
        await using var old = await EchoHost.StartAsync();
        var underWay = old.Client.UnaryAsync(new EchoRequest { Behavior = "hang", Text = "old" });
        await old.Probe.Entered.Task.WaitAsync(Patience);
        var stopping = old.StopServerAsync();
        await FirstFailureAsync(old.Client);
        await using var next = await EchoHost.StartAsync(port: new Uri(old.Address).Port);
        Assert.Equal("new", (await old.Client.UnaryAsync(new EchoRequest { Text = "new" }).ResponseAsync.WaitAsync(Patience)).Text);
        Assert.True(next.Probe.Entered.Task.IsCompleted);
        old.Probe.Release.SetResult();
        Assert.Equal("old", (await underWay.ResponseAsync.WaitAsync(Patience)).Text);
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public async Task Stop_UnderALoadOfCalls_EachEndsWithOkOrUnavailable()
    {
        await using var host = await EchoHost.StartAsync();
        var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(() => FirstFailureAsync(host.Client))).ToList();
        await host.Probe.Entered.Task.WaitAsync(Patience);
        await host.StopServerAsync().WaitAsync(Patience);
        Assert.All(await Task.WhenAll(callers).WaitAsync(Patience), code => Assert.Equal(StatusCode.Unavailable, code));
    }

    private static async Task SayAsync(AsyncDuplexStreamingCall<EchoRequest, EchoReply> call, string text)
    {
        await call.RequestStream.WriteAsync(new EchoRequest { Text = text }).WaitAsync(Patience);
        Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.Equal(text, call.ResponseStream.Current.Text);
    }

    /// <summary>Calls until one fails: the news that a server stops takes its time to the client.</summary>
    private static async Task<StatusCode> FirstFailureAsync(Echo.EchoClient client)
    {
        try
        {
            while (true)
                await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}
