using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests;

public sealed class ServerInterceptorTests
{
    private const string Service = "/distsgd.tests.v1.Echo/";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly InterceptorTrace _trace = new();

    [Fact]
    public async Task Interceptors_OfHostAndService_StandInOrderAroundTheCall()
    {
        await using var host = await EchoHost.StartAsync(
            server: options =>
            {
                options.Interceptors.Add<RecordingInterceptor>("first");
                options.Interceptors.Add<RecordingInterceptor>("second");
            },
            services: services => services.AddSingleton(_trace)
                .AddGrpc().AddServiceOptions<EchoService>(options => options.Interceptors.Add<RecordingInterceptor>("third")));
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(
            $"first:unary:{Service}Unary second:unary:{Service}Unary third:unary:{Service}Unary "
            + "third:after third:disposed second:after second:disposed first:after first:disposed",
            _trace.ToString());
    }

    [Fact]
    public async Task Interceptor_EachShape_IsSeen()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => options.Interceptors.Add<RegisteredInterceptor>(),
            services: services => services.AddSingleton(_trace).AddSingleton<RegisteredInterceptor>());
        using (var call = host.Client.Collect())
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = "a" });
            await call.RequestStream.CompleteAsync();
            Assert.Equal("a", (await call.ResponseAsync.WaitAsync(Patience)).Text);
        }
        using (var call = host.Client.Expand(new EchoRequest { Responses = 1 }))
            Assert.Single(await call.ResponseStream.ReadAllAsync().ToListAsync());
        using (var call = host.Client.Chat())
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = "b" });
            await call.RequestStream.CompleteAsync();
            Assert.Single(await call.ResponseStream.ReadAllAsync().ToListAsync());
        }
        // The host's own instance isn't disposed with the call.
        Assert.Equal(
            $"registered:client-streaming:{Service}Collect registered:server-streaming:{Service}Expand registered:duplex:{Service}Chat", _trace.ToString());
    }

    [Fact]
    public async Task Interceptor_ThatRefuses_KeepsTheServiceFromBeingCalled()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.Interceptors.Add<GuardInterceptor>());
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(new Status(StatusCode.Unauthenticated, "no password"), e.Status);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
        await host.Client.UnaryAsync(new EchoRequest(), new Metadata { { "password", "x" } }).ResponseAsync.WaitAsync(Patience);
    }

    [Fact]
    public async Task Interceptor_ThatTranslates_DecidesTheStatus()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.Interceptors.Add<GuardInterceptor>());
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(
            new EchoRequest { Behavior = "throw" }, new Metadata { { "password", "x" } }).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(new Status(StatusCode.Aborted, "secret detail"), e.Status);
    }

    [Fact]
    public void Interceptor_OfAnotherType_IsRefused()
    {
        var e = Assert.Throws<ArgumentException>(() => new global::Grpc.AspNetCore.Server.InterceptorCollection().Add(typeof(string)));
        Assert.Contains("must derive from", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServiceOptions_OverrideTheHosts()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => options.MaxReceiveMessageSize = 10,
            expectsErrors: true,
            services: services => services.AddGrpc().AddServiceOptions<EchoService>(options =>
            {
                options.MaxReceiveMessageSize = null;
                options.MaxSendMessageSize = 2000;
                options.EnableDetailedErrors = true;
            }));
        var client = host.Client;
        await client.UnaryAsync(new EchoRequest { Text = new string('x', 1000) }).ResponseAsync.WaitAsync(Patience);
        var large = await Assert.ThrowsAsync<RpcException>(
            () => client.UnaryAsync(new EchoRequest { Text = new string('x', 3000) }).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, large.StatusCode);
        var detailed = await Assert.ThrowsAsync<RpcException>(
            () => client.UnaryAsync(new EchoRequest { Behavior = "throw" }).ResponseAsync.WaitAsync(Patience));
        Assert.Contains("secret detail", detailed.Status.Detail, StringComparison.Ordinal);
    }
}
