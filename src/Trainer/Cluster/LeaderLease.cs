using DistSgd.Protos.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Trainer.Cluster;

/// <summary>
/// Tells a job's servers, until disposed, that its leader is alive: also while it waits for workers, evaluates or saves. Without it they free the job's shards and end the job
/// after a lease, as they do when the leader dies.
/// </summary>
internal sealed class LeaderLease : IAsyncDisposable
{
    private const int RenewalsPerLease = 12;

    private static readonly TimeSpan IntervalMin = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan IntervalMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _renewing;
    private readonly string _job;
    private readonly Action<string>? _notice;

    // Written by _renewing, read by anyone.
    private volatile string? _lost;

    /// <summary>Begins.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="lease">The servers' lease.</param>
    /// <param name="servers">Those that hold shards of the job, the coordinator first.</param>
    /// <param name="notice">Told of a server that doesn't answer.</param>
    public LeaderLease(string job, TimeSpan lease, IReadOnlyList<(string Address, GrpcChannel Channel)> servers, Action<string>? notice)
    {
        (_job, _notice) = (job, notice);
        TimeSpan interval = lease / RenewalsPerLease;
        interval = interval < IntervalMin ? IntervalMin : interval > IntervalMax ? IntervalMax : interval;
        _renewing = Task.WhenAll(servers.Select((server, i) => RenewAsync(server.Address, server.Channel, isCoordinator: i == 0, interval)));
    }

    /// <summary>A sentence, once a server no longer holds its shards.</summary>
    public string? Lost => _lost;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _renewing;
        _stop.Dispose();
    }

    private async Task RenewAsync(string address, GrpcChannel channel, bool isCoordinator, TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval);
        bool silent = false;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    var options = new CallOptions(deadline: DateTime.UtcNow + CallDeadline, cancellationToken: _stop.Token);
                    RenewResponse answer = await new Protos.V1.Shards.ShardsClient(channel).RenewAsync(new RenewRequest { Job = _job }, options);
                    if (answer.Shards == 0)
                        _lost = $"Server {address} no longer holds the shards of job '{_job}': it was restarted, or heard nothing of this leader for its whole lease. Start the training again.";
                    if (isCoordinator)
                        await new Coordination.CoordinationClient(channel).WatchJobAsync(new WatchJobRequest { Job = _job }, options);
                    if (silent)
                        _notice?.Invoke($"server {address} answers again");
                    silent = false;
                }
                catch (RpcException refused) when (!_stop.IsCancellationRequested)
                {
                    // Whether that is the end of the job is decided by the calls that need an answer.
                    if (!silent && refused.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
                        _notice?.Invoke($"server {address} doesn't answer: {refused.Status.Detail}");
                    silent |= refused.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded;
                }
            }
        }
        catch (Exception over) when (over is OperationCanceledException or RpcException)
        {
            // The job ends.
        }
    }
}
