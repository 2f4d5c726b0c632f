namespace DistSgd.Shared.Sharding;

/// <summary>
/// How the keys [0, D) are cut into shards: contiguous ranges in key order that cover the space, each boundary on a multiple of
/// <see cref="BoundaryKeys"/> (a cache line of float32). Immutable; any thread.
/// </summary>
public sealed class ShardMap
{
    /// <summary>Shards begin at multiples of this many keys.</summary>
    public const int BoundaryKeys = 16;

    private readonly KeyRange[] _ranges;

    private ShardMap(KeyRange[] ranges) => _ranges = ranges;

    /// <summary>Number of shards.</summary>
    public int Count => _ranges.Length;

    /// <summary>Number of keys D.</summary>
    public long KeyCount => _ranges[^1].End;

    /// <summary>The keys of one shard.</summary>
    /// <param name="shard">Shard number, from 0.</param>
    public KeyRange this[int shard] => _ranges[shard];

    /// <summary>Cuts D keys into at most the given number of shards, of sizes that differ by at most one boundary step.</summary>
    /// <param name="keyCount">D ≥ 1.</param>
    /// <param name="shards">At least 1. Where there are fewer cache lines than that, there are as many shards as cache lines.</param>
    public static ShardMap Cut(long keyCount, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        long lines = (keyCount + BoundaryKeys - 1) / BoundaryKeys;
        int count = (int)Math.Min(shards, lines);
        var ranges = new KeyRange[count];
        for (int i = 0; i < count; i++)
        {
            long first = LineAt(i) * BoundaryKeys;
            long end = Math.Min(keyCount, LineAt(i + 1) * BoundaryKeys);
            ranges[i] = new KeyRange(first, end - first);
        }
        return new ShardMap(ranges);

        // Quotient and remainder apart: lines * i could overflow for the largest spaces.
        long LineAt(int i) => lines / count * i + lines % count * i / count;
    }

    /// <summary>Takes the ranges as given, checking that they cover [0, D) in order without gaps.</summary>
    /// <param name="ranges">At least one.</param>
    /// <exception cref="ArgumentException">A gap, an overlap or an empty shard.</exception>
    public static ShardMap From(IReadOnlyList<KeyRange> ranges)
    {
        if (ranges.Count == 0)
            throw new ArgumentException("A shard map needs at least one shard.", nameof(ranges));
        long expected = 0;
        for (int i = 0; i < ranges.Count; i++)
        {
            if (ranges[i].First != expected || ranges[i].Count < 1)
                throw new ArgumentException($"Shard {i} holds keys {ranges[i]}; expected it to begin at key {expected} and hold at least one key.", nameof(ranges));
            expected = ranges[i].End;
        }
        return new ShardMap([.. ranges]);
    }
}
