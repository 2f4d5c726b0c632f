using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Csv;

/// <summary>
/// The means that stand for missing numbers, taken of the rows that are trained on only: the reader takes them of all rows of a file, and those held out must not be known.
/// One thread at a time.
/// </summary>
internal sealed class MissingMeans : IRowMap
{
    private readonly CsvLayout _layout;

    // Of each mark, the feature whose value it says is missing, and its mean.
    private readonly uint[] _features;
    private readonly float[] _means;
    private uint[] _indices = [];
    private float[] _values = [];
    private int _count;

    private MissingMeans(CsvLayout layout)
    {
        _layout = layout;
        (CsvColumn Column, int Number)[] marked = [.. Numbers(layout).Where(one => one.Column.IsMarked)];
        _features = [.. marked.Select(one => (uint)one.Number)];
        _means = new float[marked.Length];
    }

    public ReadOnlySpan<uint> Indices => _indices.AsSpan(0, _count);

    public ReadOnlySpan<float> Values => _values.AsSpan(0, _count);

    /// <summary>The layout with these means.</summary>
    public CsvLayout Layout
    {
        get
        {
            var means = _features.Zip(_means).ToDictionary(one => (int)one.First, one => one.Second);
            var numbers = Numbers(_layout).ToDictionary(one => one.Column, one => one.Number);
            return _layout with { Columns = [.. _layout.Columns.Select(column => column.IsMarked ? column with { Mean = means[numbers[column]] } : column)] };
        }
    }

    /// <summary>Takes the means of a choice of rows; null where nothing is missing.</summary>
    /// <param name="data">Rows of separated text.</param>
    /// <param name="rows">Ranges of it: those that are trained on.</param>
    public static MissingMeans? Of(Dataset data, RowRange[] rows)
    {
        if (data.Layout is not { } layout || !layout.Columns.Any(column => column.IsMarked))
            return null;
        var means = new MissingMeans(layout);
        var sums = new double[means._features.Length];
        var counts = new long[sums.Length];
        foreach (RowRange range in rows)
        {
            for (long row = range.Start; row < range.Start + range.Count; row++)
            {
                SparseRow x = data.Row(row);
                for (int mark = 0; mark < sums.Length; mark++)
                {
                    if (x.Indices.BinarySearch((uint)(layout.FirstMark + mark)) >= 0)
                        continue;
                    int place = x.Indices.BinarySearch(means._features[mark]);
                    sums[mark] += place < 0 ? 0 : x.Values[place];
                    counts[mark]++;
                }
            }
        }
        for (int mark = 0; mark < sums.Length; mark++)
            means._means[mark] = counts[mark] == 0 ? 0 : (float)(sums[mark] / counts[mark]);
        return means;
    }

    public void Apply(SparseRow row)
    {
        if (_indices.Length < row.Indices.Length)
            (_indices, _values) = (new uint[row.Indices.Length * 2], new float[row.Indices.Length * 2]);
        _count = row.Indices.Length;
        row.Indices.CopyTo(_indices);
        row.Values.CopyTo(_values);
        // Marks come last.
        for (int i = _count - 1; i >= 0 && _indices[i] >= _layout.FirstMark; i--)
        {
            int mark = (int)(_indices[i] - _layout.FirstMark), place = Indices.BinarySearch(_features[mark]);
            if (place >= 0)
                _values[place] = _means[mark];
        }
    }

    private static IEnumerable<(CsvColumn Column, int Number)> Numbers(CsvLayout layout) =>
        layout.Columns.Where(column => column.Role == CsvRole.Number).Select((column, number) => (column, number));
}
