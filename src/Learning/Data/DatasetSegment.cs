namespace DistSgd.Learning.Data;

/// <summary>
/// Consecutive rows of a <see cref="Dataset"/> in compressed sparse row form. The spans lie in native memory: they are valid until the data set is
/// disposed, and any number of threads may read them. Where rows are streamed, indices and values stay in the cache file, and only the indexer reads them.
/// </summary>
public sealed class DatasetSegment
{
    private readonly SegmentColumn<int> _rowStarts;
    private readonly SegmentColumn<uint>? _indices;
    private readonly SegmentColumn<float>? _values;
    private readonly StoredColumns _stored; // where there are no columns of indices and values
    private readonly SegmentColumn<float> _labels;
    private readonly SegmentColumn<long> _lineOffsets;

    internal DatasetSegment(
        long firstRow,
        SegmentColumn<int> rowStarts,
        SegmentColumn<uint> indices,
        SegmentColumn<float> values,
        SegmentColumn<float> labels,
        SegmentColumn<long> lineOffsets)
    {
        FirstRow = firstRow;
        _rowStarts = rowStarts;
        _indices = indices;
        _values = values;
        _labels = labels;
        _lineOffsets = lineOffsets;
    }

    internal DatasetSegment(long firstRow, SegmentColumn<int> rowStarts, SegmentColumn<float> labels, SegmentColumn<long> lineOffsets, StoredColumns stored)
    {
        (FirstRow, _rowStarts, _labels, _lineOffsets, _stored) = (firstRow, rowStarts, labels, lineOffsets, stored);
    }

    /// <summary>Number in the data set of this segment's first row.</summary>
    public long FirstRow { get; }

    /// <summary>Rows in this segment.</summary>
    public int RowCount => _labels.Length;

    /// <summary>Indices and values in this segment, below 2³¹.</summary>
    public int NonZeroCount => RowStarts[^1];

    /// <summary>Where each row starts in <see cref="Indices"/> and <see cref="Values"/>, and at [RowCount] where the last one ends. Length RowCount + 1.</summary>
    public ReadOnlySpan<int> RowStarts => _rowStarts.Span;

    /// <summary>0-based feature indices, strictly ascending within a row.</summary>
    /// <exception cref="InvalidOperationException">Rows are streamed (<see cref="Dataset.IsStreamed"/>).</exception>
    public ReadOnlySpan<uint> Indices => (_indices ?? throw Streamed()).Span;

    /// <summary>The value of each index, finite.</summary>
    /// <exception cref="InvalidOperationException">Rows are streamed (<see cref="Dataset.IsStreamed"/>).</exception>
    public ReadOnlySpan<float> Values => (_values ?? throw Streamed()).Span;

    /// <summary>Each row's label as written in the file, finite.</summary>
    public ReadOnlySpan<float> Labels => _labels.Span;

    /// <summary>Byte offset in the (decompressed) source at which each row's line starts, ascending.</summary>
    public ReadOnlySpan<long> LineOffsets => _lineOffsets.Span;

    /// <summary>One row; where rows are streamed, valid until the same thread asks for another.</summary>
    /// <param name="row">Row within this segment, from 0.</param>
    /// <exception cref="IndexOutOfRangeException">There is no such row.</exception>
    /// <exception cref="DatasetException">Rows are streamed, and somebody has shortened or overwritten the cache.</exception>
    public SparseRow this[int row]
    {
        get
        {
            var starts = RowStarts;
            if (_indices is null) return Stored(starts, row);
            int start = starts[row];
            int length = starts[row + 1] - start;
            return new SparseRow(Indices.Slice(start, length), Values.Slice(start, length), Labels[row]);
        }
    }

    internal void Free()
    {
        _rowStarts.Dispose();
        _indices?.Dispose();
        _values?.Dispose();
        _labels.Dispose();
        _lineOffsets.Dispose();
    }

    private SparseRow Stored(ReadOnlySpan<int> starts, int row)
    {
        _stored.Rows.Row(starts, row, _stored.IndicesAt, _stored.ValuesAt, out ReadOnlySpan<uint> indices, out ReadOnlySpan<float> values);
        return new SparseRow(indices, values, Labels[row]);
    }

    private static InvalidOperationException Streamed() => new("The rows don't lie in memory: they are streamed from the cache, row by row.");
}

/// <summary>Where a segment's indices and values lie in a cache file, in bytes.</summary>
internal readonly record struct StoredColumns(StoredRows Rows, long IndicesAt, long ValuesAt);

/// <summary>One example: its features and its label. Valid as long as the data set it came from, or, where that is streamed, until the same thread asks for another.</summary>
public readonly ref struct SparseRow
{
    /// <summary>A row over existing memory.</summary>
    /// <param name="indices">0-based, strictly ascending.</param>
    /// <param name="values">One for each index.</param>
    /// <param name="label">As written in the file.</param>
    public SparseRow(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, float label)
    {
        Indices = indices;
        Values = values;
        Label = label;
    }

    /// <summary>0-based feature indices, strictly ascending.</summary>
    public ReadOnlySpan<uint> Indices { get; }

    /// <summary>The value of each index.</summary>
    public ReadOnlySpan<float> Values { get; }

    /// <summary>The label as written in the file.</summary>
    public float Label { get; }
}
