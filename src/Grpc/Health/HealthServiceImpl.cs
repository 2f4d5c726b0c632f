using Grpc.Core;
using Grpc.Health.V1;

namespace Grpc.HealthCheck;

/// <summary>
/// Serves grpc.health.v1 from what SetStatus was told. Register it as a singleton and map it with MapGrpcService. Thread-safe.
/// Source: gRPC health checking protocol (doc/health-checking.md).
/// </summary>
public sealed class HealthServiceImpl : Health.V1.Health.HealthBase
{
    private readonly Lock _gate = new();

    // Both under _gate. _changed is completed, and replaced, at each change; watchers wait on it and look again.
    private readonly Dictionary<string, HealthCheckResponse.Types.ServingStatus> _statuses = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Says what state a service is in; "" stands for the server as a whole.</summary>
    public void SetStatus(string service, HealthCheckResponse.Types.ServingStatus status)
    {
        ArgumentNullException.ThrowIfNull(service);
        lock (_gate)
        {
            _statuses[service] = status;
            Announce();
        }
    }

    /// <summary>Forgets a service.</summary>
    public void ClearStatus(string service)
    {
        ArgumentNullException.ThrowIfNull(service);
        lock (_gate)
        {
            if (_statuses.Remove(service))
                Announce();
        }
    }

    /// <summary>Forgets all services.</summary>
    public void ClearAll()
    {
        lock (_gate)
        {
            _statuses.Clear();
            Announce();
        }
    }

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var (status, _) = Look(request.Service);
        return status is { } known
            ? Task.FromResult(new HealthCheckResponse { Status = known })
            : throw new RpcException(new Status(StatusCode.NotFound, $"The service '{request.Service}' isn't known here."));
    }

    /// <inheritdoc/>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        HealthCheckResponse.Types.ServingStatus? told = null;
        while (true)
        {
            var (known, changed) = Look(request.Service);
            var status = known ?? HealthCheckResponse.Types.ServingStatus.ServiceUnknown;
            if (told != status)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status });
            told = status;
            await changed.WaitAsync(context.CancellationToken);
        }
    }

    private (HealthCheckResponse.Types.ServingStatus? Status, Task Changed) Look(string service)
    {
        lock (_gate)
            return (_statuses.TryGetValue(service, out var status) ? status : null, _changed.Task);
    }

    private void Announce()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }
}
