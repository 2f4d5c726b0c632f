using System.Runtime.CompilerServices;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Preprocessing;

/// <summary>
/// Sums over the columns of a data set, taken from evenly spaced rows. Immutable; any thread.
/// </summary>
public sealed class ColumnStatistics
{
    /// <summary>Rows that a first look takes.</summary>
    public const int SampleRowsMax = 5_000;

    private ColumnStatistics(int features)
    {
        Counts = new int[features];
        Sums = new double[features];
        Squares = new double[features];
    }

    /// <summary>Rows looked at.</summary>
    public int Rows { get; private set; }

    /// <summary>Per column, non-zeros.</summary>
    public int[] Counts { get; }

    /// <summary>Per column, Σx.</summary>
    public double[] Sums { get; }

    /// <summary>Per column, Σx².</summary>
    public double[] Squares { get; }

    /// <summary>Mean non-zeros a row.</summary>
    public double NonZerosPerRow { get; private set; }

    /// <summary>Looks at a data set.</summary>
    /// <param name="data">At least one row.</param>
    /// <param name="features">Columns; larger indices are left out.</param>
    /// <param name="rowsMax">About how many rows are looked at.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ColumnStatistics Of(Dataset data, int features, long rowsMax)
    {
        var statistics = new ColumnStatistics(features);
        long stride = Math.Max(1, data.RowCount / rowsMax);
        long nonZeros = 0;
        for (long row = 0; row < data.RowCount; row += stride)
        {
            SparseRow x = data.Row(row);
            for (int i = 0; i < x.Indices.Length && x.Indices[i] < features; i++)
            {
                uint j = x.Indices[i];
                double value = x.Values[i];
                statistics.Counts[j]++;
                statistics.Sums[j] += value;
                statistics.Squares[j] += value * value;
            }
            nonZeros += x.Indices.Length;
            statistics.Rows++;
        }
        statistics.NonZerosPerRow = (double)nonZeros / statistics.Rows;
        return statistics;
    }

    /// <summary>Root mean square of a column's non-zeros; 0 if it has none.</summary>
    /// <param name="column">From 0.</param>
    public double RootMeanSquare(int column) => Counts[column] == 0 ? 0 : Math.Sqrt(Squares[column] / Counts[column]);

    /// <summary>Mean of a column over all rows, zeros included.</summary>
    /// <param name="column">From 0.</param>
    public double Mean(int column) => Sums[column] / Rows;

    /// <summary>Variance of a column over all rows, zeros included.</summary>
    /// <param name="column">From 0.</param>
    public double Variance(int column) => Math.Max(0, Squares[column] / Rows - Mean(column) * Mean(column));
}
