using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace DistSgd.Grpc.Tests;

public sealed class ClientInterceptorTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly InterceptorTrace _trace = new();

    [Fact]
    public async Task Interceptors_EachShape_IsSeenInOrder()
    {
        await using var host = await EchoHost.StartAsync();
        var client = new Echo.EchoClient(host.Channel.Intercept(new RecordingInterceptor(_trace, "a"), new RecordingInterceptor(_trace, "b")));
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        await Task.Run(() => client.Unary(new EchoRequest())).WaitAsync(Patience);
        using (var call = client.Collect())
        {
            await call.RequestStream.CompleteAsync();
            await call.ResponseAsync.WaitAsync(Patience);
        }
        using (var call = client.Expand(new EchoRequest()))
            Assert.Empty(await call.ResponseStream.ReadAllAsync().ToListAsync());
        using (var call = client.Chat())
        {
            await call.RequestStream.CompleteAsync();
            Assert.Empty(await call.ResponseStream.ReadAllAsync().ToListAsync());
        }
        Assert.Equal(
            "a:unary:Unary b:unary:Unary a:blocking:Unary b:blocking:Unary a:client-streaming:Collect b:client-streaming:Collect "
            + "a:server-streaming:Expand b:server-streaming:Expand a:duplex:Chat b:duplex:Chat",
            _trace.ToString());
    }

    [Fact]
    public async Task Intercept_WithAFunction_AddsHeadersOfEachShape()
    {
        await using var host = await EchoHost.StartAsync();
        var client = new Echo.EchoClient(host.Channel.Intercept(metadata =>
        {
            metadata.Add("echo-added", "yes");
            return metadata;
        }));
        using (var call = client.UnaryAsync(new EchoRequest { Behavior = "metadata" }))
            Assert.Equal("yes", (await call.ResponseHeadersAsync.WaitAsync(Patience)).GetValue("echo-added"));
        await Task.Run(() => client.Unary(new EchoRequest { Behavior = "metadata" })).WaitAsync(Patience);
        Assert.Equal("yes", host.Probe.Headers!.GetValue("echo-added"));
        using (var call = client.Expand(new EchoRequest { Behavior = "metadata" }))
            Assert.Equal("yes", (await call.ResponseHeadersAsync.WaitAsync(Patience)).GetValue("echo-added"));
        using (var call = client.Collect())
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Behavior = "metadata" });
            Assert.Equal("yes", (await call.ResponseHeadersAsync.WaitAsync(Patience)).GetValue("echo-added"));
        }
        using (var call = client.Chat())
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Behavior = "metadata" });
            Assert.Equal("yes", (await call.ResponseHeadersAsync.WaitAsync(Patience)).GetValue("echo-added"));
        }
    }

    [Fact]
    public async Task Interceptor_MayReplaceTheResponse()
    {
        await using var host = await EchoHost.StartAsync();
        var client = new Echo.EchoClient(host.Channel.CreateCallInvoker().Intercept(new ShoutingInterceptor()));
        using var call = client.UnaryAsync(new EchoRequest { Text = "quiet" });
        Assert.Equal("QUIET", (await call.ResponseAsync.WaitAsync(Patience)).Text);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
        Assert.NotNull(await call.ResponseHeadersAsync);
    }

    [Fact]
    public async Task WithHost_EachShape_AddressesTheHostByName()
    {
        await using var host = await EchoHost.StartAsync();
        var client = host.Client.WithHost("models.example");
        await client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("models.example", host.Probe.Host);
        await Task.Run(() => host.Client.WithHost("a.example").Unary(new EchoRequest())).WaitAsync(Patience);
        Assert.Equal("a.example", host.Probe.Host);
        using (var call = host.Client.WithHost("b.example").Expand(new EchoRequest()))
            Assert.Empty(await call.ResponseStream.ReadAllAsync().ToListAsync());
        Assert.Equal("b.example", host.Probe.Host);
        using (var call = host.Client.WithHost("c.example").Chat())
        {
            await call.RequestStream.WriteAsync(new EchoRequest());
            Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        }
        Assert.Equal("c.example", host.Probe.Host);
        using (var call = host.Client.WithHost("d.example").Collect())
        {
            await call.RequestStream.WriteAsync(new EchoRequest());
            await call.RequestStream.CompleteAsync();
            await call.ResponseAsync.WaitAsync(Patience);
        }
        Assert.Equal("d.example", host.Probe.Host);
        Assert.Equal(1, host.ConnectionCount);
    }

    [Fact]
    public void Calls_OfFunctionsOfAState_AskThemWithIt()
    {
        var state = new object();
        var seen = 0;
        T See<T>(object given, T value)
        {
            Assert.Same(state, given);
            seen++;
            return value;
        }
        using (var call = new AsyncUnaryCall<string>(
            Task.FromResult("x"), s => See(s, Task.FromResult(Metadata.Empty)), s => See(s, Status.DefaultSuccess), s => See(s, Metadata.Empty), s => See(s, 0), state))
        {
            Assert.Same(Metadata.Empty, call.GetTrailers());
            Assert.Equal(Status.DefaultSuccess, call.GetStatus());
            Assert.True(call.ResponseHeadersAsync.IsCompletedSuccessfully);
        }
        Assert.Equal(4, seen);
    }

    private sealed class ShoutingInterceptor : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            var call = continuation(request, context);
            return new AsyncUnaryCall<TResponse>(ShoutAsync(call.ResponseAsync), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
        }

        private static async Task<TResponse> ShoutAsync<TResponse>(Task<TResponse> response)
        {
            var reply = (EchoReply)(object)(await response)!;
            return (TResponse)(object)new EchoReply { Text = reply.Text.ToUpperInvariant() };
        }
    }
}
