using DistSgd.Kernels;
using DistSgd.Kernels.Text;

namespace DistSgd.Learning.Data;

/// <summary>A segment being filled. Its capacity is fixed: memory that stays unused is never touched and so costs only address space.</summary>
internal sealed class SegmentDraft : IDisposable
{
    private readonly NativeBuffer<int> _rowStarts;
    private readonly NativeBuffer<uint> _indices;
    private readonly NativeBuffer<float> _values;
    private readonly NativeBuffer<float> _labels;
    private readonly NativeBuffer<long> _lineOffsets;
    private readonly int _rowCapacity;
    private readonly int _nonZeroCapacity;

    public SegmentDraft(int rowCapacity, int nonZeroCapacity)
    {
        _rowCapacity = rowCapacity;
        _nonZeroCapacity = nonZeroCapacity;
        _rowStarts = new NativeBuffer<int>(rowCapacity + 1L);
        _indices = new NativeBuffer<uint>(nonZeroCapacity);
        _values = new NativeBuffer<float>(nonZeroCapacity);
        _labels = new NativeBuffer<float>(rowCapacity);
        _lineOffsets = new NativeBuffer<long>(rowCapacity);
        HugePages.Advise(_indices);
        HugePages.Advise(_values);
    }

    public int RowCount { get; private set; }

    public int NonZeroCount { get; private set; }

    public bool HasRoomFor(int rows, int nonZeros) => _rowCapacity - RowCount >= rows && _nonZeroCapacity - NonZeroCount >= nonZeros;

    /// <summary>Gives the kernel this draft's memory; <see cref="Advance"/> takes its counts back.</summary>
    public void Lend(ref SparseTextRows rows)
    {
        rows.RowStarts = _rowStarts.AsSpan(0, _rowCapacity + 1);
        rows.Indices = _indices.AsSpan(0, _nonZeroCapacity);
        rows.Values = _values.AsSpan(0, _nonZeroCapacity);
        rows.Labels = _labels.AsSpan(0, _rowCapacity);
        rows.LineOffsets = _lineOffsets.AsSpan(0, _rowCapacity);
        rows.RowCount = RowCount;
        rows.NonZeroCount = NonZeroCount;
    }

    public void Advance(in SparseTextRows rows)
    {
        RowCount = rows.RowCount;
        NonZeroCount = rows.NonZeroCount;
    }

    public void Add(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, long lineOffset)
    {
        indices.CopyTo(_indices.AsSpan(NonZeroCount, indices.Length));
        values.CopyTo(_values.AsSpan(NonZeroCount, values.Length));
        NonZeroCount += indices.Length;
        _labels.AsSpan(RowCount, 1)[0] = label;
        _lineOffsets.AsSpan(RowCount, 1)[0] = lineOffset;
        _rowStarts.AsSpan(++RowCount, 1)[0] = NonZeroCount;
    }

    /// <summary>Adds 1 to every index, wrapping: turns indices stored as base 1 into those of base 0.</summary>
    public void RaiseIndices()
    {
        var indices = Indices;
        for (int i = 0; i < indices.Length; i++) indices[i] = unchecked(indices[i] + 1);
    }

    /// <summary>The indices so far, to be changed.</summary>
    public Span<uint> Indices => _indices.AsSpan(0, NonZeroCount);

    /// <summary>The values so far, to be changed.</summary>
    public Span<float> Values => _values.AsSpan(0, NonZeroCount);

    /// <summary>The labels so far, to be changed.</summary>
    public Span<float> Labels => _labels.AsSpan(0, RowCount);

    /// <summary>The finished segment, which now owns the memory.</summary>
    public DatasetSegment Seal(long firstRow) => new(
        firstRow,
        new SegmentColumn<int>(_rowStarts, RowCount + 1),
        new SegmentColumn<uint>(_indices, NonZeroCount),
        new SegmentColumn<float>(_values, NonZeroCount),
        new SegmentColumn<float>(_labels, RowCount),
        new SegmentColumn<long>(_lineOffsets, RowCount));

    public void Dispose()
    {
        _rowStarts.Dispose();
        _indices.Dispose();
        _values.Dispose();
        _labels.Dispose();
        _lineOffsets.Dispose();
    }
}
