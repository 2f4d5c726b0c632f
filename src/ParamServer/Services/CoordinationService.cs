using DistSgd.ParamServer.Coordination;
using DistSgd.Protos.V1;
using DistSgd.Shared.Jobs;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>The control plane's shell around <see cref="JobBoard"/>: locks, waits, statuses.</summary>
/// <param name="limits">Bounds.</param>
/// <param name="clock">Time.</param>
/// <param name="log">Told of jobs and workers.</param>
public sealed class CoordinationService(ServerLimits limits, AwakeClock clock, ServerLog log) : Protos.V1.Coordination.CoordinationBase
{
    private const uint WaitMsMax = 30_000;

    private readonly Lock _gate = new();
    private readonly JobBoard _board = new(limits.JobsMax, limits.HeartbeatMax, log.Tell);

    // Completed and replaced at each change; written under _gate.
    private TaskCompletionSource _changed = NewSignal();

    /// <inheritdoc/>
    public override Task<BeginJobResponse> BeginJob(BeginJobRequest request, ServerCallContext context)
    {
        Change(() =>
        {
            try
            {
                TrainingJob job = request.Spec.ToJob();
                if (job.OwnLayout is not null)
                    throw new ArgumentException($"Job '{job.Name}' has tables only: there is nothing that workers could train. Activate its shards, push to them and pull from them.");
                foreach (ShardPlacement shard in request.Shards)
                    shard.ToPlacement(job);
                _board.Begin(request.Spec, request.Shards, clock.Now);
                return true;
            }
            catch (ArgumentException malformed)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, malformed.Message));
            }
            catch (InvalidOperationException refused)
            {
                log.Tell($"refused a job: {refused.Message}");
                throw new RpcException(new Status(StatusCode.FailedPrecondition, refused.Message));
            }
        });
        return Task.FromResult(new BeginJobResponse());
    }

    /// <inheritdoc/>
    public override async Task<RegisterResponse> Register(RegisterRequest request, ServerCallContext context)
    {
        if (!JobConversion.IsName(request.Worker))
            throw new RpcException(new Status(StatusCode.InvalidArgument, "worker must be a name of 1 to 256 characters, none of them a control character."));
        Assignment? assignment = await WaitAsync(() => _board.Assign(request.Worker, request.ProcessId, clock.Now), request.WaitMs, context.CancellationToken);
        if (assignment is null)
            return new RegisterResponse();
        Signal();
        var answer = new RegisterResponse
        {
            Assigned = true,
            Spec = assignment.Spec,
            Partition = (uint)assignment.Partition,
            Lease = assignment.Lease,
            HeartbeatMsMax = (uint)limits.HeartbeatMax.TotalMilliseconds,
        };
        answer.Shards.Add(assignment.Shards);
        return answer;
    }

    /// <inheritdoc/>
    public override async Task<ReportResponse> Report(ReportRequest request, ServerCallContext context)
    {
        ReportResponse answer = Change(() => _board.Report(request, clock.Now));
        if (request.WaitMs == 0 || IsFinal(answer))
            return answer;
        return await WaitAsync(() => _board.Answer(request) is var now && IsFinal(now) ? now : null, request.WaitMs, context.CancellationToken) ?? answer;

        static bool IsFinal(ReportResponse answer) => answer.Stop || answer.Awaited == 0;
    }

    /// <inheritdoc/>
    public override async Task<WatchJobResponse> WatchJob(WatchJobRequest request, ServerCallContext context)
    {
        await WaitAsync(() => Changed(request) ? request : null, request.WaitMs, context.CancellationToken);
        lock (_gate)
        {
            return _board.Change(request.Job) is null ? throw NoJob(request.Job) : _board.Describe(request.Job, clock.Now);
        }
    }

    /// <inheritdoc/>
    public override Task<EndJobResponse> EndJob(EndJobRequest request, ServerCallContext context)
    {
        Change(() =>
        {
            _board.End(request.Job, request.Lost);
            return true;
        });
        return Task.FromResult(new EndJobResponse());
    }

    /// <summary>Ends jobs whose leader is gone and tells of silent workers; to be called several times a heartbeat.</summary>
    public void Sweep()
    {
        bool changed;
        lock (_gate)
            changed = _board.Sweep(clock.Now);
        if (changed)
            Signal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static RpcException NoJob(string job) => new(new Status(StatusCode.NotFound, $"Job '{job}' isn't known here: it has ended, or this server was restarted, and what it led is lost with it. Start the job again."));

    private bool Changed(WatchJobRequest request) =>
        _board.Change(request.Job) is { } change ? change != request.Seen : throw NoJob(request.Job);

    private T Change<T>(Func<T> action)
    {
        T result;
        lock (_gate)
            result = action();
        Signal();
        return result;
    }

    private void Signal()
    {
        TaskCompletionSource done;
        lock (_gate)
        {
            done = _changed;
            _changed = NewSignal();
        }
        done.SetResult();
    }

    // Tries at once and after each change, until the wait is over.
    private async Task<T?> WaitAsync<T>(Func<T?> attempt, uint waitMs, CancellationToken cancellationToken)
        where T : class
    {
        long started = clock.Time.GetTimestamp();
        TimeSpan wait = TimeSpan.FromMilliseconds(Math.Min(waitMs, WaitMsMax));
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (attempt() is { } found)
                    return found;
                changed = _changed.Task;
            }
            TimeSpan left = wait - clock.Time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return null;
            try
            {
                await changed.WaitAsync(left, clock.Time, cancellationToken);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }
    }
}
