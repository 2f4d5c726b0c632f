using DistSgd.ParamServer.Metrics;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Wire;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;

namespace DistSgd.ParamServer.Services;

/// <summary>
/// The streams of <c>distsgd.v1.Parameters</c>. Apart from the calls of <see cref="ParametersService"/>, so that their messages have a bound
/// of their own, which is far below that of a call: nothing is kept of a message that is longer. Any number of streams at once, up to a bound.
/// Its method is virtual because gRPC binds no others.
/// </summary>
/// <param name="shards">The server's shards.</param>
/// <param name="limits">Bounds.</param>
/// <param name="budget">What streams may hold.</param>
/// <param name="lifetime">Streams end when the server stops.</param>
/// <param name="time">Time.</param>
/// <param name="metrics">Counts exchanges.</param>
[BindServiceMethod(typeof(ExchangeStreamsBinding), nameof(ExchangeStreamsBinding.BindService))]
public class ExchangeStreams(ShardRegistry shards, ServerLimits limits, StreamBudget budget, IHostApplicationLifetime lifetime, TimeProvider time, WireMetrics metrics)
{
    // A client takes it for a cut, and opens another stream when it has work.
    private const int Http2Cancel = 8;

    /// <summary>Serves a stream until its client ends it or the server stops.</summary>
    /// <param name="requests">What the client sends.</param>
    /// <param name="responses">What it is sent.</param>
    /// <param name="context">The call.</param>
    public virtual async Task Exchange(IAsyncStreamReader<IncomingFrames> requests, IServerStreamWriter<OutgoingFrames> responses, ServerCallContext context)
    {
        try
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
            using var session = new StreamSession(shards, budget, time, metrics.Of(context), () => context.GetHttpContext().Features.Get<IHttpResetFeature>()?.Reset(Http2Cancel));
            if (!budget.TryOpen(session))
                throw new RpcException(new Status(StatusCode.ResourceExhausted, $"{limits.StreamsMax} streams are open on this server; try again."));
            await session.RunAsync(requests, responses, ending.Token);
        }
        catch (Exception ended) when (ended is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "This server is stopping; what it hasn't answered can be sent again under its name."));
        }
    }
}

/// <summary>Binds <see cref="ExchangeStreams"/> to the stream of the contract.</summary>
public static class ExchangeStreamsBinding
{
    /// <summary>The service as server reflection tells of it.</summary>
    public static ServiceDescriptor Descriptor => Protos.V1.Parameters.Descriptor;

    /// <summary>Called by the gRPC runtime.</summary>
    /// <param name="binder">Takes the method.</param>
    /// <param name="service">The service; null while methods are only listed.</param>
    public static void BindService(ServiceBinderBase binder, ExchangeStreams? service) =>
        binder.AddMethod(ParametersContract.ServerStream, service is null ? null : new DuplexStreamingServerMethod<IncomingFrames, OutgoingFrames>(service.Exchange));
}
