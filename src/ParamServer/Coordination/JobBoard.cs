using DistSgd.Learning.Formats;
using DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Coordination;

/// <summary>A worker that was given a partition.</summary>
/// <param name="Spec">The job.</param>
/// <param name="Shards">Its shards.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Lease">Name of the assignment.</param>
public sealed record Assignment(JobSpec Spec, IReadOnlyList<ShardPlacement> Shards, int Partition, ulong Lease);

/// <summary>
/// What the coordinator knows: jobs, who trains which partition, and the workers' clocks. Pure: time comes in, decisions go out; one thread
/// at a time (the service around it locks).
/// </summary>
/// <param name="jobsMax">Jobs at once.</param>
/// <param name="heartbeatMax">A worker silent for longer is taken for dead.</param>
/// <param name="tell">Told, in sentences, what happens to jobs and workers; must not block. Null: nobody.</param>
public sealed class JobBoard(int jobsMax, TimeSpan heartbeatMax, Action<string>? tell = null)
{
    /// <summary>Heartbeats for which a leader may be silent: it is given more time than a worker, as it evaluates and saves besides.</summary>
    public const int LeaderPatience = 6;

    // So many jobs that have ended are remembered, for workers that report to them.
    private const int EndedMax = 1024;

    // Of why each was lost.
    private const int LostCharsMax = 1000;

    private readonly Dictionary<string, Entry> _jobs = [];
    private readonly Dictionary<string, string> _ended = []; // why they were lost; empty: they ended well
    private readonly Queue<string> _endedOrder = [];
    private ulong _lastLease;

    /// <summary>Begins a job. Again with the same spec: no effect.</summary>
    /// <exception cref="InvalidOperationException">Another job of that name is there, or there are too many.</exception>
    public void Begin(JobSpec spec, IReadOnlyList<ShardPlacement> shards, DateTimeOffset now)
    {
        if (_jobs.TryGetValue(spec.Job, out Entry? known))
        {
            if (!known.Spec.Equals(spec))
                throw new InvalidOperationException($"A different job '{spec.Job}' is there already; end it or choose another name.");
            return;
        }
        if (_jobs.Count >= jobsMax)
            throw new InvalidOperationException($"{jobsMax} jobs are there already; end one first.");
        _jobs.Add(spec.Job, new Entry(spec, shards) { LeaderHeard = now });
        tell?.Invoke($"job '{spec.Job}' begun: {Plural.Of(shards.Count, "shard")} on {Plural.Of(shards.Select(shard => shard.Server).Distinct().Count(), "server")}; it waits for {Plural.Of(spec.Partitions, "worker")}");
    }

    /// <summary>Gives a worker the first free partition of any job; null if there is none.</summary>
    public Assignment? Assign(string worker, uint processId, DateTimeOffset now)
    {
        Sweep(now);
        foreach (Entry job in _jobs.Values)
        {
            int partition = Array.IndexOf(job.Workers, null);
            if (partition < 0)
                continue;
            job.Workers[partition] = new Holder(worker, processId, ++_lastLease) { Heard = now };
            job.Change++;
            tell?.Invoke($"{Name(job, partition)}: worker {worker} takes it");
            return new Assignment(job.Spec, job.Shards, partition, _lastLease);
        }
        return null;
    }

    /// <summary>Takes a worker's report.</summary>
    /// <returns>Whether the worker is to stop (the job has ended, or the partition is no longer its own), and how many are awaited.</returns>
    public ReportResponse Report(ReportRequest report, DateTimeOffset now)
    {
        Sweep(now);
        if (!_jobs.TryGetValue(report.Job, out Entry? job))
            return Stop(report.Job);
        Holder? holder = report.Partition < job.Workers.Length ? job.Workers[report.Partition] : null;
        if (holder is null || holder.Lease != report.Lease)
            return new ReportResponse { Stop = true, Lost = "its partition isn't this worker's" };
        TellOfEnd(job, (int)report.Partition, holder, report);
        bool told = holder.Report is null || holder.Report.EpochsDone != report.EpochsDone || report.Finished || report.Failure.Length > 0;
        (holder.Report, holder.Heard) = (report, now);
        if (told)
            job.Change++;
        return Answer(job, report);
    }

    /// <summary>The answer to a report as it would be now, without taking the worker for alive.</summary>
    public ReportResponse Answer(ReportRequest report) =>
        _jobs.TryGetValue(report.Job, out Entry? job) ? Answer(job, report) : Stop(report.Job);

    private ReportResponse Stop(string job) => new()
    {
        Stop = true,
        Lost = _ended.TryGetValue(job, out string? lost) ? lost : $"job '{job}' isn't known here any more; the coordinator was restarted, and what it led is lost with it",
    };

    private static ReportResponse Answer(Entry job, ReportRequest report) =>
        new() { Awaited = (uint)job.Workers.Count(worker => worker?.Report is not { Ready: true } other || (other.EpochsDone < report.EpochsDone && !other.Finished)) };

    /// <summary>Counts changes of a job that a leader wants to hear of at once; null if there is no such job.</summary>
    public ulong? Change(string job) => _jobs.TryGetValue(job, out Entry? entry) ? entry.Change : null;

    /// <summary>The state of a job's workers.</summary>
    public WatchJobResponse Describe(string job, DateTimeOffset now)
    {
        Entry entry = _jobs[job];
        entry.LeaderHeard = now;
        var answer = new WatchJobResponse { Change = entry.Change };
        for (int i = 0; i < entry.Workers.Length; i++)
        {
            var state = new WorkerState { Partition = (uint)i };
            if (entry.Workers[i] is { } holder)
            {
                TimeSpan silent = now - holder.Heard;
                (state.Worker, state.ProcessId, state.Report) = (holder.Worker, holder.ProcessId, holder.Report);
                state.SilentMs = (ulong)Math.Max(0, silent.TotalMilliseconds);
                if (IsSilent(holder, now))
                    TellOfSilence(entry, i, holder, now);
                state.Lost = IsSilent(holder, now) || holder.Report is { Finished: false, Failure.Length: > 0 };
            }
            answer.Workers.Add(state);
        }
        return answer;
    }

    /// <summary>Ends a job; its workers are told at their next report.</summary>
    /// <param name="job">Its name; one that isn't there: no effect.</param>
    /// <param name="lost">Why it did not end well, as a sentence's end; beyond 1,000 characters it is cut. Empty: all is well.</param>
    public void End(string job, string lost = "")
    {
        if (!_jobs.Remove(job, out Entry? ended))
            return;
        lost = lost.Length > LostCharsMax ? lost[..LostCharsMax] : lost;
        Remember(job, lost);
        int finished = ended.Workers.Count(worker => worker?.Report is { Finished: true });
        tell?.Invoke($"job '{job}' ended by its leader: {finished} of {ended.Workers.Length} partitions finished{(lost.Length > 0 ? $"; it did not end well: {lost}" : "")}");
    }

    /// <summary>
    /// Ends jobs whose leader is gone (it would leave its workers training for nobody, and the next leader's workers in its job), and tells of workers that fell silent.
    /// </summary>
    /// <returns>Whether a job ended or a worker was lost.</returns>
    public bool Sweep(DateTimeOffset now)
    {
        bool changed = false;
        foreach ((string name, Entry job) in _jobs)
        {
            if (now - job.LeaderHeard > heartbeatMax * LeaderPatience)
            {
                _jobs.Remove(name);
                Remember(name, $"the leader of job '{name}' was not heard of for {(now - job.LeaderHeard).TotalSeconds:0} s");
                tell?.Invoke($"job '{name}' ended: its leader was not heard of for {(now - job.LeaderHeard).TotalSeconds:0} s; its workers are told to stop");
                changed = true;
                continue;
            }
            for (int i = 0; i < job.Workers.Length; i++)
            {
                if (job.Workers[i] is not { IsToldSilent: false } holder || !IsSilent(holder, now))
                    continue;
                TellOfSilence(job, i, holder, now);
                job.Change++;
                changed = true;
            }
        }
        return changed;
    }

    private void Remember(string job, string lost)
    {
        if (_ended.TryAdd(job, lost))
            _endedOrder.Enqueue(job);
        else
            _ended[job] = lost;
        if (_endedOrder.Count > EndedMax)
            _ended.Remove(_endedOrder.Dequeue());
    }

    private bool IsSilent(Holder holder, DateTimeOffset now) => holder.Report is not { Finished: true } && now - holder.Heard > heartbeatMax;

    private void TellOfSilence(Entry job, int partition, Holder holder, DateTimeOffset now)
    {
        if (!holder.IsToldSilent)
            tell?.Invoke($"{Name(job, partition)}: worker {holder.Worker} is lost, silent for {(now - holder.Heard).TotalSeconds:0} s");
        holder.IsToldSilent = true;
    }

    private void TellOfEnd(Entry job, int partition, Holder holder, ReportRequest report)
    {
        if (holder.IsToldSilent)
            tell?.Invoke($"{Name(job, partition)}: worker {holder.Worker} is heard of again");
        holder.IsToldSilent = false;
        if (report.Finished && holder.Report is not { Finished: true })
            tell?.Invoke($"{Name(job, partition)}: worker {holder.Worker} finished after {report.Pushes:N0} pushes");
        if (report.Failure.Length > 0 && holder.Report is not { Failure.Length: > 0 })
            tell?.Invoke($"{Name(job, partition)}: worker {holder.Worker} gave up: {report.Failure}");
    }

    private static string Name(Entry job, int partition) => $"job '{job.Spec.Job}' partition {partition + 1} of {job.Workers.Length}";

    private sealed class Entry(JobSpec spec, IReadOnlyList<ShardPlacement> shards)
    {
        public JobSpec Spec => spec;

        public IReadOnlyList<ShardPlacement> Shards => shards;

        public Holder?[] Workers { get; } = new Holder?[spec.Partitions];

        /// <summary>When the leader last watched, or began the job.</summary>
        public required DateTimeOffset LeaderHeard { get; set; }

        // From 1, so that a leader that has seen nothing (0) is answered at once.
        public ulong Change { get; set; } = 1;
    }

    private sealed class Holder(string worker, uint processId, ulong lease)
    {
        public string Worker => worker;

        public uint ProcessId => processId;

        public ulong Lease => lease;

        public DateTimeOffset Heard { get; set; }

        /// <summary>Whether it was told that the worker is silent.</summary>
        public bool IsToldSilent { get; set; }

        public ReportRequest? Report { get; set; }
    }
}
