namespace DistSgd.Shared.Sharding;

/// <summary>Keys First .. First+Count−1 of a job's flat key space.</summary>
/// <param name="First">First key; 0 or more.</param>
/// <param name="Count">Number of keys; 0 or more.</param>
public readonly record struct KeyRange(long First, long Count)
{
    /// <summary>One past the last key.</summary>
    public long End => First + Count;

    /// <summary>The keys in both ranges.</summary>
    /// <param name="other">The other range.</param>
    public KeyRange Intersect(KeyRange other)
    {
        long first = Math.Max(First, other.First);
        return new KeyRange(first, Math.Max(0, Math.Min(End, other.End) - first));
    }

    /// <summary>The first two of some that share a key, in the order of their keys; null if none do.</summary>
    /// <param name="all">In any order.</param>
    /// <param name="keys">The keys of one.</param>
    public static (T First, T Second, KeyRange Shared)? FindOverlap<T>(IEnumerable<T> all, Func<T, KeyRange> keys)
    {
        T[] ordered = [.. all.OrderBy(one => keys(one).First)];
        for (int i = 1; i < ordered.Length; i++)
        {
            if (keys(ordered[i - 1]).Intersect(keys(ordered[i])) is { Count: > 0 } shared)
                return (ordered[i - 1], ordered[i], shared);
        }
        return null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"[{First}, {End})";
}
