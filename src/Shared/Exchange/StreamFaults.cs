using Grpc.Core;

namespace DistSgd.Shared.Exchange;

/// <summary>Statuses of a server as faults of parameters.</summary>
internal static class StreamFaults
{
    /// <summary>Whether the same may succeed later.</summary>
    public static bool IsPassing(StatusCode code) => code is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Aborted;

    /// <summary>What the caller of a round is told.</summary>
    public static ParameterException Explain(string server, ShardWork work, Status status, GrpcClientOptions options)
    {
        string who = $"Server {server}, which owns shard {work.Placement.Shard},";
        return status.StatusCode switch
        {
            StatusCode.InvalidArgument => new ParameterException(ParameterFault.Invalid, status.Detail, status.DebugException),
            StatusCode.OutOfRange => new ParameterException(ParameterFault.NotFinite, status.Detail, status.DebugException),
            StatusCode.NotFound => new ParameterException(ParameterFault.NotFound, status.Detail, status.DebugException),
            StatusCode.ResourceExhausted => new ParameterException(ParameterFault.Exhausted, $"Server {server} is at a bound: {status.Detail}", status.DebugException),
            StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Aborted or StatusCode.Cancelled => new ParameterException(ParameterFault.Unavailable,
                $"{who} could not be reached for {options.RetryDeadline.TotalSeconds:0} s: {status.Detail}", status.DebugException),
            _ => new ParameterException(ParameterFault.Unavailable, $"{who} answered {status.StatusCode}: {status.Detail}", status.DebugException),
        };
    }
}
