using DistSgd.Protos.V1;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;

namespace DistSgd.Cli.Tables;

/// <summary>A running job as its servers describe it. What they say may be anything, so all of it is checked here; no I/O.</summary>
/// <param name="job">The job's name.</param>
internal sealed class JobSight(string job)
{
    /// <summary>Most values, with optimizer state, of a key: servers have fewer, and a piece of an exchange has room for so many.</summary>
    public const int KeyFloatsMax = 1 << 18;

    // Tables have at most 2^32 − 2 keys, and a bias comes on top; sums of so few are exact.
    private const ulong KeysMax = 1UL << 33;
    private const int ShownMax = 4;
    private const int ShownCharsMax = 100;

    private readonly List<DescribedShard> _shards = [];
    private readonly List<string> _servers = [];
    private (string Server, JobDescription Job)? _first;

    /// <summary>The shards of all servers, in the order of their keys.</summary>
    public IEnumerable<DescribedShard> Shards => _shards.OrderBy(shard => shard.Keys.First);

    /// <summary>Values of a key.</summary>
    public int Width => (int)_first!.Value.Job.Width;

    /// <summary>Values and optimizer state of a key.</summary>
    public int EntryFloats => (int)_first!.Value.Job.EntryFloats;

    /// <summary>Takes up what a server says.</summary>
    /// <param name="server">host:port.</param>
    /// <param name="answer">Its answer for this job.</param>
    /// <exception cref="ParameterException">That can't be, or is another job than the servers before describe.</exception>
    public void Add(string server, DescribeResponse answer)
    {
        _servers.Add(server);
        Require(answer.Jobs.All(one => one.Job == job) && answer.Shards.All(one => one.Job == job), "it answers with another job");
        Require(answer.Jobs.Count == Math.Min(1, answer.Shards.Count), $"{answer.Jobs.Count} descriptions of it beside {answer.Shards.Count} shards");
        if (answer.Jobs.Count == 0)
            return;
        JobDescription found = answer.Jobs[0];
        Require(found.Width > 0 && found.EntryFloats >= found.Width && found.EntryFloats <= KeyFloatsMax && found.EntryFloats % found.Width == 0,
            $"keys of {found.Width} values and {found.EntryFloats} floats; expected a multiple of the values, at most {KeyFloatsMax:N0}");
        Require(found.Tables.Count > 0, "no tables");
        foreach (Table table in found.Tables)
            Require(IsRange(table.FirstKey, table.Count), $"table '{Printable.Text(table.Name, ShownCharsMax)}' with {table.Count} keys from {table.FirstKey} on");
        foreach (ShardDescription shard in answer.Shards)
            Require(IsRange(shard.FirstKey, shard.Count), $"shard {shard.Shard} with {shard.Count} keys from {shard.FirstKey} on");
        Require(answer.Shards.DistinctBy(shard => shard.Shard).Count() == answer.Shards.Count, "two shards of one number");
        _first ??= (server, found);
        if (found.Width != _first.Value.Job.Width || found.EntryFloats != _first.Value.Job.EntryFloats || !found.Tables.Equals(_first.Value.Job.Tables))
            throw new ParameterException(ParameterFault.Invalid, $"{_first.Value.Server} and {server} hold different jobs of the name '{job}': name the servers of one of them.");
        _shards.AddRange(answer.Shards.Select(shard => new DescribedShard(server, shard.Shard, new KeyRange((long)shard.FirstKey, (long)shard.Count), shard.Version)));

        void Require(bool condition, string what)
        {
            if (!condition)
                throw new ParameterException(ParameterFault.Invalid, $"Server {server} describes job '{job}' as it can't be: {what}. `distsgd doctor {server}` may tell more.");
        }
    }

    /// <summary>The keys of a part of a table, each of which is in one shard, as no key of the job is in two.</summary>
    /// <param name="name">The table's name.</param>
    /// <param name="range">Keys within it; null: all.</param>
    /// <exception cref="ParameterException">There is no such job, table or part, or the servers that were named don't hold each key once; the message says which and what to do.</exception>
    public KeyRange Find(string name, KeyRange? range)
    {
        if (_first is not { Job: var found })
            throw new ParameterException(ParameterFault.NotFound, $"Job '{job}' isn't on {string.Join(", ", _servers)}; `distsgd doctor` lists the jobs that are.");
        Table table = found.Tables.FirstOrDefault(known => known.Name == name)
            ?? throw new ParameterException(ParameterFault.NotFound, $"Job '{job}' has no table '{name}'; it has {Printable.Text(string.Join(", ", found.Tables.Select(known => $"'{known.Name}'")))}.");
        if (range is { } part && part.End > (long)table.Count)
            throw new ParameterException(ParameterFault.Invalid, $"--range {part.First}..{part.End} reaches beyond the {table.Count} keys of table '{name}'.");
        KeyRange keys = range is { } within ? new KeyRange((long)table.FirstKey + within.First, within.Count) : new KeyRange((long)table.FirstKey, (long)table.Count);
        if (keys.Count > Array.MaxLength / EntryFloats)
            throw new ParameterException(ParameterFault.Invalid, $"{keys.Count:N0} keys of table '{name}' are too many at once; give a --range.");
        CheckNoneTwice();
        var missing = Missing(keys).Select(gap => $"{gap.First - (long)table.FirstKey}..{gap.End - (long)table.FirstKey}").ToList();
        if (missing.Count > 0)
        {
            string shown = string.Join(", ", missing.Take(ShownMax)) + (missing.Count > ShownMax ? ", …" : "");
            throw new ParameterException(ParameterFault.NotFound, $"{string.Join(", ", _servers)} {(_servers.Count == 1 ? "doesn't" : "don't")} hold keys {shown} of table '{name}': name all servers of job '{job}' with --server.");
        }
        return keys;
    }

    private static bool IsRange(ulong first, ulong count) => count is > 0 and <= KeysMax && first <= KeysMax;

    private void CheckNoneTwice()
    {
        if (KeyRange.FindOverlap(_shards, shard => shard.Keys) is not var (first, second, twice))
            return;
        throw new ParameterException(ParameterFault.Invalid, $"Keys {twice.First}..{twice.End} of job '{job}' are held twice, by {first} and {second}: "
            + (first.Server == second.Server ? "end the job and activate shards that don't overlap." : "if these are two names of one server, give --server one of them; else one of the two holds an old job of that name: leave it out."));
    }

    // What no shard holds; shards are known not to overlap.
    private IEnumerable<KeyRange> Missing(KeyRange keys)
    {
        long next = keys.First;
        foreach (KeyRange held in Shards.Select(shard => shard.Keys.Intersect(keys)).Where(held => held.Count > 0))
        {
            if (held.First > next)
                yield return new KeyRange(next, held.First - next);
            next = held.End;
        }
        if (next < keys.End)
            yield return new KeyRange(next, keys.End - next);
    }
}
