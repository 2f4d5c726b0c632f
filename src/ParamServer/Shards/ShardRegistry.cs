using System.Collections.Concurrent;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>The shards that this server owns, by identity (job, shard number). Any thread.</summary>
/// <param name="bytesMax">Most bytes of shard memory of all jobs.</param>
public sealed class ShardRegistry(long bytesMax) : IDisposable
{
    private readonly ConcurrentDictionary<(string Job, int Shard), ParameterShard> _shards = new();
    private readonly Lock _activation = new();

    /// <summary>All shards.</summary>
    public IReadOnlyCollection<ParameterShard> All => [.. _shards.Values];

    /// <summary>Makes this server the owner of shards, all zero; shards it already owns stay as they are.</summary>
    /// <param name="job">The job.</param>
    /// <param name="placements">The shards.</param>
    /// <returns>Bytes reserved for them.</returns>
    /// <exception cref="ParameterException">A shard is named twice, overlaps another one of the job, or is too large, or all together are; nothing has changed.</exception>
    public long Activate(TrainingJob job, IReadOnlyList<ShardPlacement> placements)
    {
        lock (_activation)
        {
            foreach (ShardPlacement placement in placements)
                ThrowIfAnother(job, placement);
            ThrowIfTwice(job, placements);
            ShardPlacement[] missing = [.. placements.Where(placement => !_shards.ContainsKey((job.Name, placement.Shard)))];
            long wanted = missing.Sum(placement => placement.Keys.Count * job.KeyFloats.State * sizeof(float));
            long held = _shards.Values.Sum(shard => shard.Bytes);
            if (wanted > bytesMax - held)
            {
                throw new ParameterException(ParameterFault.Exhausted,
                    $"Job '{job.Name}' wants {wanted:N0} bytes of shards here; {held:N0} of {bytesMax:N0} are taken. Use more servers, or a larger --memory-max.");
            }
            foreach (ParameterShard shard in Make(job, missing))
                _shards[(job.Name, shard.Number)] = shard;
            return placements.Sum(placement => placement.Keys.Count * job.KeyFloats.State * sizeof(float));
        }
    }

    // All or none.
    private static List<ParameterShard> Make(TrainingJob job, ShardPlacement[] placements)
    {
        var made = new List<ParameterShard>();
        try
        {
            foreach (ShardPlacement placement in placements)
                made.Add(new ParameterShard(job, placement.Shard, placement.Keys));
            return made;
        }
        catch
        {
            made.ForEach(shard => shard.Dispose());
            throw;
        }
    }

    // Each number once, and each key in one shard, of those that are wanted and those that are here.
    private void ThrowIfTwice(TrainingJob job, IReadOnlyList<ShardPlacement> placements)
    {
        var ranges = _shards.Values.Where(shard => shard.Job.Name == job.Name).ToDictionary(shard => shard.Number, shard => shard.Range);
        var wanted = new HashSet<int>();
        foreach (ShardPlacement placement in placements)
        {
            if (!wanted.Add(placement.Shard))
                throw new ParameterException(ParameterFault.Invalid, $"Shard {placement.Shard} of job '{job.Name}' is named twice; expected each shard once.");
            ranges[placement.Shard] = placement.Keys;
        }
        if (KeyRange.FindOverlap(ranges, shard => shard.Value) is var (first, second, twice))
        {
            throw new ParameterException(ParameterFault.Invalid,
                $"Shards {first.Key} and {second.Key} of job '{job.Name}' overlap, on keys {twice.First} to {twice.End - 1}; cut the keys into ranges of which each key is in one, or end the job first.");
        }
    }

    private void ThrowIfAnother(TrainingJob job, ShardPlacement placement)
    {
        if (!_shards.TryGetValue((job.Name, placement.Shard), out ParameterShard? known))
            return;
        if (known.Range != placement.Keys || known.Job.Rule != job.Rule || known.Job.Model != job.Model || known.Job.Sparse != job.Sparse
            || !known.Job.Tables.SequenceEqual(job.Tables))
        {
            throw new ParameterException(ParameterFault.Invalid,
                $"Shard {placement.Shard} of a different job '{job.Name}' is on this server already; end that job or choose another name.");
        }
    }

    /// <summary>Frees a job's shards; calls that are under way end first.</summary>
    /// <param name="job">The job's name.</param>
    public void Deactivate(string job)
    {
        foreach ((string Job, int Shard) key in _shards.Keys)
        {
            if (key.Job == job && _shards.TryRemove(key, out ParameterShard? shard))
                shard.Dispose();
        }
    }

    /// <summary>Finds a shard.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="shard">Its number.</param>
    /// <exception cref="ParameterException">Not here; the message says what is.</exception>
    public ParameterShard Find(string job, uint shard)
    {
        if (shard <= int.MaxValue && _shards.TryGetValue((job, (int)shard), out ParameterShard? found))
            return found;
        string held = _shards.IsEmpty ? "no shard" : string.Join(", ", _shards.Keys.Order().Take(8).Select(key => $"'{key.Job}' {key.Shard}"));
        throw new ParameterException(ParameterFault.NotFound, $"Shard {shard} of job '{job}' isn't on this server, which holds {held}: the job has ended, or the server was restarted, and its shards are lost. Start the job again.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ParameterShard shard in _shards.Values)
            shard.Dispose();
        _shards.Clear();
    }
}
