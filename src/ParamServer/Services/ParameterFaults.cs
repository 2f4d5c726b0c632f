using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>Faults of shards as gRPC statuses.</summary>
internal static class ParameterFaults
{
    public static RpcException ToRpcException(this ParameterException refused) => new(new Status(refused.Fault.ToStatusCode(), refused.Message));

    public static StatusCode ToStatusCode(this ParameterFault fault) => fault switch
    {
        ParameterFault.NotFound => StatusCode.NotFound,
        ParameterFault.Exhausted => StatusCode.ResourceExhausted,
        ParameterFault.Unavailable => StatusCode.Unavailable,
        ParameterFault.NotFinite => StatusCode.OutOfRange,
        _ => StatusCode.InvalidArgument,
    };
}
