using DistSgd.Learning.Formats;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.Worker.Hosting;

/// <summary>A worker's line to the coordinator for one partition: epoch reports, heartbeats, the end.</summary>
internal sealed class WorkerSession(Coordination.CoordinationClient coordination, RegisterResponse assignment, WorkerOptions options) : ITrainingObserver
{
    // A wait counts as a sign of life at its beginning only, and heartbeats wait behind it.
    private const uint MeetingWaitMs = 1_000;

    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastWordDeadline = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TellAfter = TimeSpan.FromSeconds(3);

    // Serialises reports, which are built under it, so that an older clock never overtakes a newer one.
    private readonly SemaphoreSlim _reporting = new(1, 1);
    private TrainingLoop? _loop;
    private IParameterClient? _client;
    private EpochReport _epoch = new((int)assignment.Partition, 0, 0, 0);
    private long _parsedBytes;
    private long _began;
    private bool _ready;
    private volatile bool _stopped;
    private volatile string? _lost; // why the coordinator stopped this worker, where the job didn't end well; reports write it

    /// <summary>True once the coordinator said that there is nothing left to do.</summary>
    public bool Stopped => _stopped;

    /// <summary>True once the job's seconds are over.</summary>
    public bool IsOver => assignment.Spec.SecondsMax > 0 && _began != 0 && TimeProvider.System.GetElapsedTime(_began).TotalSeconds >= assignment.Spec.SecondsMax;

    public void Watch(TrainingLoop loop, IParameterClient client, long parsedBytes) => (_loop, _client, _parsedBytes) = (loop, client, parsedBytes);

    /// <summary>Waits until every partition of the job has a worker with its data at hand, so that no one trains alone.</summary>
    public async Task BeginTogetherAsync(CancellationToken cancellationToken)
    {
        _ready = true;
        await MeetAsync("to begin", cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        _began = TimeProvider.System.GetTimestamp();
    }

    /// <summary>Reports the epoch, and waits until all workers of the job have finished it: a worker far ahead would leave the model to what the others' parts say.</summary>
    public async ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken)
    {
        _epoch = report;
        if (report.IsLast)
            await ReportAsync(Build, cancellationToken);
        else
            await MeetAsync($"at the end of epoch {report.EpochsDone}", cancellationToken);
        return !_stopped;
    }

    private async Task MeetAsync(string where, CancellationToken cancellationToken)
    {
        long started = TimeProvider.System.GetTimestamp();
        bool told = false;
        while (await ReportAsync(BuildMeeting, cancellationToken) is { Stop: false, Awaited: > 0 } answer)
        {
            if (!told && TimeProvider.System.GetElapsedTime(started) > TellAfter)
            {
                options.Notice?.Invoke($"waiting {where} for {answer.Awaited} of the job's {Plural.Of(assignment.Spec.Partitions, "worker")}");
                told = true;
            }
        }

        ReportRequest BuildMeeting()
        {
            ReportRequest report = Build();
            report.WaitMs = MeetingWaitMs;
            return report;
        }
    }

    /// <summary>Reports several times within what the coordinator allows, until cancelled; cancels when told to stop.</summary>
    /// <exception cref="WorkerException">The coordinator stays away; the training was cancelled.</exception>
    public async Task HeartbeatAsync(CancellationTokenSource stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(Math.Max(100, assignment.HeartbeatMsMax / 5)));
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                await ReportAsync(Build, stop.Token);
                if (_stopped)
                    await stop.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The training is over.
        }
        catch (WorkerException)
        {
            // Thrown to whoever awaits the heartbeat: the training it cancels must not look as if the caller had cancelled it.
            await stop.CancelAsync();
            throw;
        }
    }

    /// <summary>Asks whether the job has ended, or the partition is another's by now.</summary>
    public async Task<bool> HasEndedAsync(CancellationToken cancellationToken)
    {
        await ReportAsync(Build, cancellationToken);
        return _stopped;
    }

    /// <exception cref="WorkerException">The job is lost: what was trained is of no use.</exception>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        await ReportAsync(BuildLast, cancellationToken);
        if (_lost is not null)
            throw new WorkerException($"The coordinator {options.Coordinator} ended the training: {_lost}.");

        ReportRequest BuildLast()
        {
            ReportRequest report = Build();
            report.Finished = !_stopped;
            return report;
        }
    }

    /// <summary>Tells why the worker gives up; best effort.</summary>
    public async Task FailAsync(string why)
    {
        ReportRequest report = Build();
        report.Failure = why;
        try
        {
            await coordination.ReportAsync(report, deadline: DateTime.UtcNow + LastWordDeadline);
        }
        catch (RpcException)
        {
            // The coordinator finds out by our silence.
        }
    }

    private ReportRequest Build() => new()
    {
        Job = assignment.Spec.Job,
        Partition = assignment.Partition,
        Lease = assignment.Lease,
        Clock = (ulong)(_loop?.Clock ?? 0),
        EpochsDone = (uint)_epoch.EpochsDone,
        Rows = (ulong)(_loop?.Rows ?? 0),
        EpochLossSum = _epoch.LossSum,
        EpochRows = (ulong)_epoch.Rows,
        Pushes = (ulong)(_loop?.Pushes ?? 0),
        BytesPushed = (ulong)(_client?.BytesPushed ?? 0),
        BytesPulled = (ulong)(_client?.BytesPulled ?? 0),
        DataBytesParsed = (ulong)_parsedBytes,
        Ready = _ready,
        TrainingSeconds = _began == 0 ? 0 : TimeProvider.System.GetElapsedTime(_began).TotalSeconds,
    };

    private async Task<ReportResponse> ReportAsync(Func<ReportRequest> build, CancellationToken cancellationToken)
    {
        var outage = new Outage(options.Coordinator, options.RetryDeadline, options.Notice, TimeProvider.System);
        while (true)
        {
            await _reporting.WaitAsync(cancellationToken);
            try
            {
                ReportResponse answer = await coordination.ReportAsync(build(), deadline: DateTime.UtcNow + outage.CallDeadline(CallDeadline), cancellationToken: cancellationToken);
                _stopped |= answer.Stop;
                if (answer.Lost.Length > 0)
                    _lost ??= answer.Lost;
                if (outage.Ended())
                    options.Notice?.Invoke($"the coordinator {options.Coordinator} answers again");
                return answer;
            }
            catch (RpcException refused)
            {
                cancellationToken.ThrowIfCancellationRequested();
                outage.Failed(refused);
            }
            finally
            {
                _reporting.Release();
            }
            await Task.Delay(Outage.RetryInterval, cancellationToken);
        }
    }
}
