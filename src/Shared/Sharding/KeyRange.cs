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

    /// <inheritdoc/>
    public override string ToString() => $"[{First}, {End})";
}
