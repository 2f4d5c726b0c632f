namespace DistSgd.Learning.Data;

/// <summary>
/// Partition <see cref="Index"/> of <see cref="Count"/> of a source of B bytes: the rows whose line starts in [⌊index·B/count⌋, ⌊(index+1)·B/count⌋). For any count every row is in
/// exactly one partition, and a worker can find its own without reading the rest.
/// </summary>
public readonly record struct Partition
{
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

    /// <summary>The bytes [Start, End) in which this partition's lines start.</summary>
    /// <param name="sourceBytes">Length of the (decompressed) source.</param>
    public (long Start, long End) ByteRange(long sourceBytes) =>
        ((long)((Int128)sourceBytes * Index / Count), (long)((Int128)sourceBytes * (Index + 1L) / Count));
}

/// <summary>Consecutive rows of a data set.</summary>
/// <param name="Start">Number of the first row.</param>
/// <param name="Count">How many rows.</param>
public readonly record struct RowRange(long Start, long Count);
