using DistSgd.ParamServer.Metrics;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>The calls of <c>distsgd.v1.Parameters</c>, one exchange each, over the server's shards; <see cref="ExchangeStreams"/> has its streams. Any number at once, up to a bound. Its methods are virtual because gRPC binds no others.</summary>
/// <param name="shards">The server's shards.</param>
/// <param name="limits">Bounds.</param>
/// <param name="time">Time.</param>
/// <param name="metrics">Counts exchanges.</param>
[BindServiceMethod(typeof(ParametersBinding), nameof(ParametersBinding.BindService))]
public class ParametersService(ShardRegistry shards, ServerLimits limits, TimeProvider time, WireMetrics metrics)
{
    private int _underWay;

    /// <summary>Applies a push.</summary>
    /// <param name="request">The request; disposed here.</param>
    /// <param name="context">The call.</param>
    public virtual Task<OutgoingResponse> Push(IncomingRequest request, ServerCallContext context) => One(request, request.HasPush && !request.HasPull, "a push", context);

    /// <summary>Reads values.</summary>
    /// <param name="request">The request; disposed here.</param>
    /// <param name="context">The call.</param>
    public virtual Task<OutgoingResponse> Pull(IncomingRequest request, ServerCallContext context) => One(request, request.HasPull && !request.HasPush, "a pull", context);

    /// <summary>Applies a push, then reads values.</summary>
    /// <param name="request">The request; disposed here.</param>
    /// <param name="context">The call.</param>
    public virtual Task<OutgoingResponse> PushPull(IncomingRequest request, ServerCallContext context) => One(request, request.HasPush && request.HasPull, "a push and a pull", context);

    private Task<OutgoingResponse> One(IncomingRequest request, bool isComplete, string expected, ServerCallContext context)
    {
        using ExchangeMeter meter = new(metrics.Of(context), time.GetTimestamp());
        using (request)
        {
            if (!isComplete)
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"Malformed request: expected {expected}."));
            if (Interlocked.Increment(ref _underWay) > limits.ExchangesMax)
            {
                Interlocked.Decrement(ref _underWay);
                throw new RpcException(new Status(StatusCode.ResourceExhausted, $"{limits.ExchangesMax} exchanges are under way on this server; try again."));
            }
            try
            {
                OutgoingResponse answer = Execute(request, context);
                meter.Done();
                return Task.FromResult(answer);
            }
            catch (ParameterException refused)
            {
                throw refused.ToRpcException();
            }
            catch (InvalidDataException malformed)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"Malformed request: {malformed.Message}."));
            }
            finally
            {
                Interlocked.Decrement(ref _underWay);
            }
        }
    }

    private OutgoingResponse Execute(IncomingRequest request, ServerCallContext context)
    {
        ParameterShard shard = shards.Find(request.Job, request.Shard);
        var keys = new RequestKeys(0, 0, limits.MessageBytesMax);
        ShardKeys pullKeys = request.HasPull ? keys.Read(request.PullKeys, request.Message, shard, place: 0) : default;
        int floats = request.HasPull ? CheckPull(shard, pullKeys, request.Part, limits.MessageBytesMax - OutgoingResponse.HeadBytesMax) : 0;
        context.ReserveResponse((long)floats * sizeof(float) + OutgoingResponse.HeadBytesMax);
        bool duplicate = request.HasPush && !shard.Push(request.Push, keys.Read(request.PushKeys, request.Message, shard, place: 1), request.Values);
        if (!request.HasPull)
            return new OutgoingResponse(shard.Version, duplicate, null);
        var values = new MessageMemory<float>(floats);
        try
        {
            long version = shard.Pull(pullKeys, request.Part, values.Span);
            return new OutgoingResponse(version, duplicate, values);
        }
        catch
        {
            values.Dispose();
            throw;
        }
    }

    /// <summary>Before the push that comes with it is applied: an exchange is refused whole or not at all.</summary>
    /// <returns>Number of floats that are pulled.</returns>
    internal static int CheckPull(ParameterShard shard, in ShardKeys keys, PullPart part, long bytesMax)
    {
        shard.CheckKeys(keys);
        long floats = (long)keys.Count * shard.Floats.Of(part);
        return floats * sizeof(float) <= bytesMax ? (int)floats : throw new ParameterException(ParameterFault.Invalid,
            $"A pull of {keys.Count:N0} keys would be answered with {floats * sizeof(float):N0} bytes; the limit is {bytesMax:N0}. Pull fewer keys at a time.");
    }
}

/// <summary>Binds <see cref="ParametersService"/> to the calls of the contract.</summary>
public static class ParametersBinding
{
    /// <summary>The service as server reflection tells of it.</summary>
    public static ServiceDescriptor Descriptor => Protos.V1.Parameters.Descriptor;

    /// <summary>Called by the gRPC runtime.</summary>
    /// <param name="binder">Takes the methods.</param>
    /// <param name="service">The service; null while methods are only listed.</param>
    public static void BindService(ServiceBinderBase binder, ParametersService? service)
    {
        // Without a service the runtime only lists the methods and finds their implementations by name.
        foreach (Method<IncomingRequest, OutgoingResponse> method in ParametersContract.ServerMethods)
        {
            binder.AddMethod(method, service is null ? null : method.Name switch
            {
                nameof(ParametersService.Push) => service.Push,
                nameof(ParametersService.Pull) => service.Pull,
                _ => new UnaryServerMethod<IncomingRequest, OutgoingResponse>(service.PushPull),
            });
        }
    }
}
