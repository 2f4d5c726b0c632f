namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Which jobs' shards are still wanted: those that were renewed by a leader or used within the lease. Pure: time comes in; one thread at a time.
/// </summary>
/// <param name="lease">How long shards are kept that nobody renews or uses.</param>
public sealed class ShardLeases(TimeSpan lease)
{
    private readonly Dictionary<string, Holding> _jobs = [];

    /// <summary>A job's shards were activated, or its leader is alive.</summary>
    /// <param name="job">The job.</param>
    /// <param name="now">Time.</param>
    public void Renew(string job, DateTimeOffset now) => _jobs[job] = _jobs.GetValueOrDefault(job) with { Wanted = now };

    /// <summary>A job's shards are gone.</summary>
    /// <param name="job">The job.</param>
    public void Forget(string job) => _jobs.Remove(job);

    /// <summary>Looks at a job's use.</summary>
    /// <param name="job">The job.</param>
    /// <param name="used">Grows with each push and pull.</param>
    /// <param name="now">Time.</param>
    /// <returns>False once the shards were neither renewed nor used for longer than the lease.</returns>
    public bool IsWanted(string job, long used, DateTimeOffset now)
    {
        if (!_jobs.TryGetValue(job, out Holding held) || held.Used != used)
            _jobs[job] = held = new Holding(now, used);
        return now - held.Wanted <= lease;
    }

    private readonly record struct Holding(DateTimeOffset Wanted, long Used);
}
