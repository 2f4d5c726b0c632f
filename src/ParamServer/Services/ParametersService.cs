using System.Buffers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>The data plane: <c>distsgd.v1.Parameters</c> over the server's shards. Any number of calls at once, up to a bound.</summary>
/// <param name="shards">The server's shards.</param>
/// <param name="limits">Bounds.</param>
[BindServiceMethod(typeof(ParametersBinding), nameof(ParametersBinding.BindService))]
public sealed class ParametersService(ShardRegistry shards, ServerLimits limits)
{
    private int _underWay;

    /// <summary>Applies a push.</summary>
    /// <param name="request">The request; disposed here.</param>
    /// <param name="context">The call.</param>
    public Task<OutgoingResponse> Push(IncomingRequest request, ServerCallContext context) => Exchange(request, request.HasPush && !request.HasPull, "a push");

    /// <summary>Reads values.</summary>
    /// <param name="request">The request; disposed here.</param>
    /// <param name="context">The call.</param>
    public Task<OutgoingResponse> Pull(IncomingRequest request, ServerCallContext context) => Exchange(request, request.HasPull && !request.HasPush, "a pull");

    /// <summary>Applies a push, then reads values.</summary>
    /// <param name="request">The request; disposed here.</param>
    /// <param name="context">The call.</param>
    public Task<OutgoingResponse> PushPull(IncomingRequest request, ServerCallContext context) => Exchange(request, request.HasPush && request.HasPull, "a push and a pull");

    private Task<OutgoingResponse> Exchange(IncomingRequest request, bool isComplete, string expected)
    {
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
                return Task.FromResult(Execute(request));
            }
            catch (ParameterException refused)
            {
                throw refused.ToRpcException();
            }
            finally
            {
                Interlocked.Decrement(ref _underWay);
            }
        }
    }

    private OutgoingResponse Execute(IncomingRequest request)
    {
        ParameterShard shard = shards.Find(request.Job, request.Shard);
        long floats = request.HasPull ? CheckPull(request, shard) : 0;
        bool duplicate = request.HasPush && !shard.Push(request.Push, Local(request.PushKeys), request.Values);
        if (!request.HasPull)
            return new OutgoingResponse(shard.Version, duplicate, null, 0);
        float[] values = ArrayPool<float>.Shared.Rent((int)floats);
        try
        {
            long version = shard.Pull(Local(request.PullKeys), request.Part, values.AsSpan(0, (int)floats));
            return new OutgoingResponse(version, duplicate, values, (int)floats);
        }
        catch
        {
            ArrayPool<float>.Shared.Return(values);
            throw;
        }
    }

    // Before the push that comes with it is applied: an exchange is refused whole or not at all.
    private long CheckPull(IncomingRequest request, ParameterShard shard)
    {
        shard.CheckKeys(Local(request.PullKeys));
        long floats = (long)request.PullKeys.Count * shard.FloatsPerKey(request.Part);
        return floats * sizeof(float) <= limits.MessageBytesMax ? floats : throw new ParameterException(ParameterFault.Invalid,
            $"A pull of {request.PullKeys.Count:N0} keys would be answered with {floats * sizeof(float):N0} bytes; the limit is {limits.MessageBytesMax:N0}. Pull fewer keys at a time.");
    }

    private static ShardKeys Local(IncomingKeys keys) =>
        keys.List is null ? ShardKeys.Range(keys.First, keys.Count) : ShardKeys.Of(keys.List.AsSpan(0, keys.Count));
}

/// <summary>Binds <see cref="ParametersService"/> to the methods of the contract.</summary>
public static class ParametersBinding
{
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
