using DistSgd.Learning.Data;

namespace DistSgd.Learning.Preprocessing;

/// <summary>The smallest and the largest value of each column of a data set, zeros included. Immutable; any thread.</summary>
internal sealed class ColumnRanges
{
    private ColumnRanges(float[] least, float[] largest) => (Least, Largest) = (least, largest);

    public float[] Least { get; }

    public float[] Largest { get; }

    public static ColumnRanges Of(Dataset data, int features)
    {
        var (least, largest, counts) = (new float[features], new float[features], new long[features]);
        Array.Fill(least, float.PositiveInfinity);
        Array.Fill(largest, float.NegativeInfinity);
        for (long row = 0; row < data.RowCount; row++)
        {
            SparseRow x = data.Row(row);
            for (int i = 0; i < x.Indices.Length; i++)
            {
                uint j = x.Indices[i];
                counts[j]++;
                least[j] = Math.Min(least[j], x.Values[i]);
                largest[j] = Math.Max(largest[j], x.Values[i]);
            }
        }
        for (int j = 0; j < features; j++)
        {
            if (counts[j] == data.RowCount) continue;
            least[j] = Math.Min(least[j], 0);
            largest[j] = Math.Max(largest[j], 0);
        }
        return new ColumnRanges(least, largest);
    }
}
