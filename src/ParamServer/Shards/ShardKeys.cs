using System.Runtime.InteropServices;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>Keys of one push or pull relative to the shard's first key: a range, or a strictly ascending list.</summary>
public readonly ref struct ShardKeys
{
    private ShardKeys(long first, int count, ReadOnlySpan<uint> list, bool isRange)
    {
        First = first;
        Count = count;
        List = list;
        IsRange = isRange;
    }

    /// <summary>First key of a range.</summary>
    public long First { get; }

    /// <summary>Number of keys.</summary>
    public int Count { get; }

    /// <summary>The keys of a list.</summary>
    public ReadOnlySpan<uint> List { get; }

    /// <summary>True: the keys First .. First+Count−1.</summary>
    public bool IsRange { get; }

    /// <summary>The keys first .. first+count−1.</summary>
    /// <param name="first">Relative to the shard's first key.</param>
    /// <param name="count">0 or more.</param>
    public static ShardKeys Range(long first, int count) => new(first, count, [], true);

    /// <summary>The given keys.</summary>
    /// <param name="ascending">Relative to the shard's first key, strictly ascending.</param>
    public static ShardKeys Of(ReadOnlySpan<uint> ascending) => new(0, ascending.Length, ascending, false);

    /// <summary>The places [Start, Start+Count) of the keys that lie in the given range of local keys.</summary>
    /// <param name="range">Local keys.</param>
    public (int Start, int Count) Within(KeyRange range)
    {
        if (IsRange)
        {
            KeyRange common = range.Intersect(new KeyRange(First, Count));
            return common.Count == 0 ? (0, 0) : ((int)(common.First - First), (int)common.Count);
        }
        int start = LowerBound(List, range.First);
        return (start, LowerBound(List, range.End) - start);
    }

    /// <summary>The keys at the places start .. start+count−1.</summary>
    /// <param name="start">From 0.</param>
    /// <param name="count">0 or more.</param>
    public ShardKeys Slice(int start, int count) => IsRange ? Range(First + start, count) : Of(List.Slice(start, count));

    /// <summary>The local key at a place.</summary>
    /// <param name="place">From 0, below Count.</param>
    public int this[int place] => IsRange ? (int)First + place : (int)List[place];

    /// <summary>Copies the local keys at the places from start on.</summary>
    /// <param name="start">From 0.</param>
    /// <param name="keys">Filled.</param>
    public void CopyTo(int start, Span<int> keys)
    {
        if (!IsRange)
        {
            MemoryMarshal.Cast<uint, int>(List.Slice(start, keys.Length)).CopyTo(keys);
            return;
        }
        for (int i = 0; i < keys.Length; i++)
            keys[i] = (int)First + start + i;
    }

    private static int LowerBound(ReadOnlySpan<uint> keys, long key)
    {
        if (key > uint.MaxValue)
            return keys.Length;
        int found = keys.BinarySearch((uint)key);
        return found < 0 ? ~found : found;
    }
}
