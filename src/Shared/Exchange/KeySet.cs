using DistSgd.Shared.Sharding;

namespace DistSgd.Shared.Exchange;

/// <summary>
/// The keys of one push or pull, in ascending order: a range, or a list without repetition. Immutable; any thread.
/// </summary>
public sealed class KeySet
{
    private readonly uint[]? _keys;

    private KeySet(long first, int count, uint[]? keys)
    {
        First = first;
        Count = count;
        _keys = keys;
    }

    /// <summary>First key of a range.</summary>
    public long First { get; }

    /// <summary>Number of keys.</summary>
    public int Count { get; }

    /// <summary>True: the keys First .. First+Count−1. False: the keys of <see cref="Keys"/>.</summary>
    public bool IsRange => _keys is null;

    /// <summary>The keys of a list; empty for a range.</summary>
    public ReadOnlySpan<uint> Keys => _keys;

    /// <summary>The keys first .. first+count−1.</summary>
    /// <param name="first">0 or more.</param>
    /// <param name="count">0 or more.</param>
    public static KeySet Range(long first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new KeySet(first, count, null);
    }

    /// <summary>The given keys; the array is kept, not copied.</summary>
    /// <param name="ascending">Strictly ascending.</param>
    /// <exception cref="ArgumentException">Not strictly ascending.</exception>
    public static KeySet List(uint[] ascending)
    {
        for (int i = 1; i < ascending.Length; i++)
        {
            if (ascending[i] <= ascending[i - 1])
                throw new ArgumentException($"Keys must be strictly ascending; key {ascending[i]} at place {i} follows {ascending[i - 1]}.", nameof(ascending));
        }
        return new KeySet(0, ascending.Length, ascending);
    }

    /// <summary>The places of this set whose keys lie in the range: [Start, Start+Count).</summary>
    /// <param name="range">A shard's keys.</param>
    public (int Start, int Count) Within(KeyRange range)
    {
        if (_keys is null)
        {
            KeyRange common = range.Intersect(new KeyRange(First, Count));
            return common.Count == 0 ? (0, 0) : ((int)(common.First - First), (int)common.Count);
        }
        int start = LowerBound(_keys, range.First);
        return (start, LowerBound(_keys, range.End) - start);
    }

    private static int LowerBound(uint[] keys, long key)
    {
        if (key > uint.MaxValue)
            return keys.Length;
        int found = Array.BinarySearch(keys, (uint)key);
        return found < 0 ? ~found : found;
    }
}
