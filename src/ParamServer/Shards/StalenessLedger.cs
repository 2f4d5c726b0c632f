using System.Numerics;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Histogram of staleness (the shard's version at apply − the version the push was computed from). Bucket 0 counts 0; bucket b ≥ 1 counts
/// [2^(b−1), 2^b). One thread at a time.
/// </summary>
public sealed class StalenessLedger
{
    /// <summary>Number of buckets; the last takes all that is larger.</summary>
    public const int Buckets = 33;

    private readonly long[] _counts = new long[Buckets];

    /// <summary>Counts one push.</summary>
    /// <param name="staleness">Versions between read and apply; a negative one (the reader claims the future) counts as 0.</param>
    public void Record(long staleness) => _counts[Bucket(staleness)]++;

    /// <summary>A copy of the counts.</summary>
    public long[] Snapshot() => [.. _counts];

    /// <summary>The largest staleness that the bucket holding the p-quantile may stand for.</summary>
    /// <param name="counts">Counts a bucket, from one or several ledgers added up.</param>
    /// <param name="p">In (0, 1].</param>
    /// <returns>0 if nothing was counted.</returns>
    public static long Quantile(ReadOnlySpan<long> counts, double p)
    {
        long total = 0;
        foreach (long count in counts)
            total += count;
        long rank = (long)Math.Ceiling(p * total);
        for (int b = 0; b < counts.Length; b++)
        {
            rank -= counts[b];
            if (rank <= 0)
                return b == 0 ? 0 : (1L << b) - 1;
        }
        return 0;
    }

    private static int Bucket(long staleness) =>
        staleness <= 0 ? 0 : Math.Min(Buckets - 1, BitOperations.Log2((ulong)staleness) + 1);
}
