namespace DistSgd.Kernels;

/// <summary>
/// A block of sparse rows stored one after the other (compressed sparse rows): row i has the non-zeros
/// RowStarts[i] … RowStarts[i+1] − 1 of <see cref="Indices"/> and <see cref="Values"/>.
/// Within a row the indices are unique and ascending; the caller guarantees that each is below the number of keys of the vectors
/// the block is used with (<see cref="IndexBound.Check"/>), because the training runs do not check every element.
/// </summary>
public readonly ref struct SparseRows
{
    /// <summary>Describes a block; nothing is copied.</summary>
    /// <param name="rowStarts">One more than there are rows; ascending positions in <paramref name="indices"/>.</param>
    /// <param name="indices">Keys of all non-zeros.</param>
    /// <param name="values">One value per index.</param>
    /// <param name="labels">One label per row.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public SparseRows(ReadOnlySpan<int> rowStarts, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, ReadOnlySpan<float> labels)
    {
        KernelGuard.SameLength(indices.Length, values.Length, nameof(values));
        KernelGuard.SameLength(labels.Length + 1, rowStarts.Length, nameof(rowStarts));
        RowStarts = rowStarts;
        Indices = indices;
        Values = values;
        Labels = labels;
    }

    /// <summary>Where each row starts; the last element is where the last row ends.</summary>
    public ReadOnlySpan<int> RowStarts { get; }

    /// <summary>Keys of all non-zeros.</summary>
    public ReadOnlySpan<uint> Indices { get; }

    /// <summary>Values of all non-zeros.</summary>
    public ReadOnlySpan<float> Values { get; }

    /// <summary>Labels of the rows.</summary>
    public ReadOnlySpan<float> Labels { get; }

    /// <summary>What each row's loss is multiplied by; empty where each counts 1.</summary>
    public ReadOnlySpan<float> Weights { get; init; }

    /// <summary>Where each row's classes start in <see cref="ClassSets"/>, one more than there are rows; empty where rows have one label each.</summary>
    public ReadOnlySpan<int> ClassSetStarts { get; init; }

    /// <summary>The classes of all rows, ascending within a row, for rows that may have several.</summary>
    public ReadOnlySpan<int> ClassSets { get; init; }

    /// <summary>The query of each row, rows of one query side by side; empty where there are none.</summary>
    public ReadOnlySpan<int> Queries { get; init; }

    /// <summary>Number of rows.</summary>
    public int Count => Labels.Length;

    /// <summary>Number of non-zeros of the rows named by <paramref name="order"/>.</summary>
    /// <exception cref="IndexOutOfRangeException">A row is not in the block.</exception>
    public int NonZeros(ReadOnlySpan<int> order)
    {
        var count = 0;
        foreach (var row in order) count += RowStarts[row + 1] - RowStarts[row];
        return count;
    }

    /// <summary>Checks what the runs rely on, once for a block: rows in ascending order inside the arrays, every index below the limit.</summary>
    /// <param name="keys">Number of keys of the vectors the block is used with.</param>
    /// <exception cref="ArgumentException">A row ends before it starts, or outside the arrays.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An index is not below <paramref name="keys"/>.</exception>
    public void Check(long keys)
    {
        for (var i = 0; i < Count; i++)
        {
            if (RowStarts[i] >= 0 && RowStarts[i] <= RowStarts[i + 1] && RowStarts[i + 1] <= Indices.Length) continue;
            throw new ArgumentException(
                $"Row {i} spans the non-zeros {RowStarts[i]} to {RowStarts[i + 1]}, which is not an ascending range inside {Indices.Length} non-zeros.");
        }

        IndexBound.Check(Indices, keys);
    }
}
