namespace DistSgd.Learning.Data;

/// <summary>
/// Partition <see cref="Index"/> of <see cref="Count"/> of a source: one stripe of each group of <see cref="Count"/> consecutive stripes, so that a worker sees rows from all over the
/// source and a source sorted by label or time is learned as well as a shuffled one. For any count every row is in exactly one partition, and a worker can find its own without reading
/// the rest.
/// </summary>
public readonly record struct Partition
{
    private const int GroupsMax = 64;
    private const int StripeBytesMin = 4096;

    /// <summary>A partition.</summary>
    /// <param name="index">From 0 to <paramref name="count"/> − 1.</param>
    /// <param name="count">How many partitions there are, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Index or count is out of range.</exception>
    public Partition(int index, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, count);
        Index = index;
        Count = count;
    }

    /// <summary>From 0 to Count − 1.</summary>
    public int Index { get; }

    /// <summary>How many partitions there are.</summary>
    public int Count { get; }

    /// <summary>This partition's stripes, in the source's order. The source is cut into G·count stripes of equal length, G groups of count; of group g this is stripe (index + g) mod count.</summary>
    /// <param name="length">Length of the source: bytes of text (a row belongs to the stripe in which its line starts), or rows.</param>
    /// <param name="stripeLengthMin">Groups are so few that stripes are not shorter, but at least one.</param>
    /// <returns>Ranges [Start, End), 1 to 64 of them.</returns>
    public (long Start, long End)[] Stripes(long length, int stripeLengthMin)
    {
        int groups = Count == 1 ? 1 : (int)Math.Clamp(length / Count / stripeLengthMin, 1, GroupsMax);
        var stripes = new (long, long)[groups];
        for (int group = 0; group < groups; group++)
        {
            long stripe = ((long)group * Count) + ((Index + group) % Count);
            stripes[group] = (Boundary(length, stripe, groups), Boundary(length, stripe + 1, groups));
        }
        return stripes;
    }

    /// <summary>The stripes of a source of text.</summary>
    /// <param name="sourceBytes">Length of the (decompressed) source.</param>
    public (long Start, long End)[] ByteRanges(long sourceBytes) => Stripes(sourceBytes, StripeBytesMin);

    // ⌊length·stripe/stripes⌋ without a product that could overflow.
    private long Boundary(long length, long stripe, int groups)
    {
        long stripes = (long)groups * Count;
        return (length / stripes * stripe) + (length % stripes * stripe / stripes);
    }
}

/// <summary>Consecutive rows of a data set.</summary>
/// <param name="Start">Number of the first row.</param>
/// <param name="Count">How many rows.</param>
public readonly record struct RowRange(long Start, long Count);
