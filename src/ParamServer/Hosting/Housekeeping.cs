using DistSgd.ParamServer.Services;

namespace DistSgd.ParamServer.Hosting;

/// <summary>Looks after what nobody asks for any more: jobs without a leader, shards without use, silent workers; several times a heartbeat, until disposed.</summary>
internal sealed class Housekeeping : IAsyncDisposable
{
    private const int SweepsPerHeartbeat = 4;

    private static readonly TimeSpan IntervalMin = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan IntervalMax = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sweeping;

    public Housekeeping(CoordinationService jobs, ShardsService shards, ServerLimits limits, TimeProvider time) => _sweeping = SweepAsync(jobs, shards, limits, time);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sweeping;
        _stop.Dispose();
    }

    private async Task SweepAsync(CoordinationService jobs, ShardsService shards, ServerLimits limits, TimeProvider time)
    {
        TimeSpan interval = limits.HeartbeatMax / SweepsPerHeartbeat;
        using var timer = new PeriodicTimer(interval < IntervalMin ? IntervalMin : interval > IntervalMax ? IntervalMax : interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                jobs.Sweep();
                shards.Sweep();
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }
}
