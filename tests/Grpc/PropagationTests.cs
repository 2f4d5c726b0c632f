using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests;

/// <summary>A server call that calls on: its deadline and cancellation go with it.</summary>
public sealed class PropagationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Cancellation_OfTheOuterCall_CancelsTheInnerOne()
    {
        await using var inner = await EchoHost.StartAsync();
        await using var outer = await StartRelayAsync(inner, null);
        using var source = new CancellationTokenSource();
        var call = outer.Client.UnaryAsync(new EchoRequest { Behavior = "wait-for-token" }, cancellationToken: source.Token);
        await inner.Probe.Entered.Task.WaitAsync(Patience);
        Assert.Equal(DateTime.MaxValue, inner.Probe.Context!.Deadline);
        await source.CancelAsync();
        await inner.Probe.Cancelled.Task.WaitAsync(Patience);
        await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
    }

    [Fact]
    public async Task Deadline_OfTheOuterCall_IsTheInnerOnesToo()
    {
        await using var inner = await EchoHost.StartAsync();
        await using var outer = await StartRelayAsync(inner, null);
        var deadline = DateTime.UtcNow.AddHours(1);
        await outer.Client.UnaryAsync(new EchoRequest(), deadline: deadline).ResponseAsync.WaitAsync(Patience);
        Assert.InRange(inner.Probe.Context!.Deadline, deadline.AddMinutes(-1), deadline.AddMinutes(1));
    }

    [Fact]
    public async Task Deadline_TheEarlierOne_Counts()
    {
        await using var inner = await EchoHost.StartAsync();
        var early = DateTime.UtcNow.AddHours(1);
        await using var outer = await StartRelayAsync(inner, null, early);
        await outer.Client.UnaryAsync(new EchoRequest(), deadline: early.AddHours(5)).ResponseAsync.WaitAsync(Patience);
        Assert.InRange(inner.Probe.Context!.Deadline, early.AddMinutes(-1), early.AddMinutes(1));
    }

    [Fact]
    public async Task Propagation_TurnedOff_CarriesNothing()
    {
        await using var inner = await EchoHost.StartAsync();
        await using var outer = await StartRelayAsync(inner, new ContextPropagationOptions(propagateDeadline: false, propagateCancellation: false));
        await outer.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddHours(1)).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(DateTime.MaxValue, inner.Probe.Context!.Deadline);
    }

    private static Task<EchoHost> StartRelayAsync(EchoHost inner, ContextPropagationOptions? options, DateTime? deadline = null) => EchoHost.StartAsync(
        server: server => server.Interceptors.Add<RelayInterceptor>(),
        services: services => services.AddSingleton(new RelayInterceptor(inner.Client, options, deadline)));

    /// <summary>Answers a unary call with what another server answers.</summary>
    private sealed class RelayInterceptor(Echo.EchoClient inner, ContextPropagationOptions? options, DateTime? deadline) : Interceptor
    {
        public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            context.UserState["relayed"] = true;
            var callOptions = new CallOptions(deadline: deadline).WithPropagationToken(context.CreatePropagationToken(options));
            var reply = await inner.UnaryAsync((EchoRequest)(object)request, callOptions);
            Assert.True((bool)context.UserState["relayed"]);
            return (TResponse)(object)reply;
        }
    }
}
