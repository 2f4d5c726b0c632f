using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>The rows of several ranges as one list. Immutable; any thread.</summary>
internal sealed class RowList
{
    private readonly RowRange[] _ranges;

    // How many rows the ranges before each have.
    private readonly int[] _before;

    public RowList(RowRange[] ranges)
    {
        _ranges = ranges;
        _before = new int[ranges.Length];
        long rows = 0;
        for (int i = 0; i < ranges.Length; i++)
        {
            _before[i] = checked((int)rows);
            rows += ranges[i].Count;
        }
        Count = checked((int)rows);
    }

    public int Count { get; }

    /// <summary>Number in the data set of the row at this place of the list.</summary>
    public long this[int place]
    {
        get
        {
            int range = 0;
            for (int end = _before.Length; end - range > 1;)
            {
                int middle = (range + end) / 2;
                if (_before[middle] <= place)
                    range = middle;
                else
                    end = middle;
            }
            return _ranges[range].Start + (place - _before[range]);
        }
    }
}
