using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>The rows of several ranges as one list. Immutable; any thread.</summary>
internal sealed class RowList
{
    private readonly RowRange[] _ranges;

    // How many rows the ranges before each have.
    private readonly int[] _before;

    public RowList(IReadOnlyList<RowRange> ranges)
    {
        _ranges = [.. ranges.Where(range => range.Count > 0)];
        _before = new int[_ranges.Length];
        for (int i = 1; i < _ranges.Length; i++)
            _before[i] = checked(_before[i - 1] + (int)_ranges[i - 1].Count);
    }

    /// <summary>Number in the data set of the row at this place of the list.</summary>
    public long this[int place]
    {
        get
        {
            int found = _before.AsSpan().BinarySearch(place);
            int range = found < 0 ? ~found - 1 : found;
            return _ranges[range].Start + (place - _before[range]);
        }
    }
}
