using DistSgd.Learning.Data;

namespace DistSgd.Learning.Preprocessing;

/// <summary>When columns are scaled.</summary>
public enum ScalingKind
{
    /// <summary>Where the data's columns differ too much in size for one learning rate, or are mostly dense.</summary>
    Auto,

    /// <summary>Always.</summary>
    On,

    /// <summary>Never.</summary>
    Off,

    /// <summary>Every column to zero mean and unit variance over all rows; rows become dense.</summary>
    Standard,

    /// <summary>Every column to [0, 1]: (x − least)/(largest − least).</summary>
    Range,

    /// <summary>Every column by its largest magnitude; zeros stay zeros.</summary>
    MaxAbs,
}

/// <summary>
/// x' = (x − mean)/scale per column, fitted on training data: dense columns get zero mean and unit variance, sparse ones unit root mean
/// square of their non-zeros (mean 0, so that zeros stay zeros). Training sees x'; <see cref="ToOriginal(Span{float}, int)"/> turns the trained parameters
/// into those of x, so that a model file needs no scaling. Immutable; any thread.
/// </summary>
public sealed class FeatureScaling
{
    // Thresholds found on twenty sets of very different make; see docs/performance.md for the defaults' results.
    private const double DenseShare = 0.75;
    private const double SupportShare = 0.01;
    private const int SupportRowsMin = 5;
    private const double SpreadMax = 30;
    private const double SizeMax = 10;
    private const double NormSquareMin = 0.05;
    private const double OffCentreMax = 100;
    private const double ConstantVariance = 1e-10;

    private readonly float[] _means;
    private readonly float[] _inverseScales;

    private FeatureScaling(float[] means, float[] inverseScales)
    {
        _means = means;
        _inverseScales = inverseScales;
        DenseColumns = [.. Enumerable.Range(0, means.Length).Where(column => means[column] != 0).Select(column => (uint)column)];
    }

    /// <summary>Per column, the mean that is taken off; 0 for sparse columns.</summary>
    public ReadOnlySpan<float> Means => _means;

    /// <summary>Per column, 1/scale.</summary>
    public ReadOnlySpan<float> InverseScales => _inverseScales;

    /// <summary>The columns with a mean, ascending: a row that lacks one of them has a non-zero x' there.</summary>
    public uint[] DenseColumns { get; }

    /// <summary>Fits a scaling; null if the columns are to be left as they are.</summary>
    /// <param name="data">The training data.</param>
    /// <param name="features">Columns.</param>
    /// <param name="kind">When to scale.</param>
    /// <param name="strengthGiven">True if the user gave λ, which is meant for the columns as they are: only data that could not be
    /// trained otherwise is scaled then.</param>
    public static FeatureScaling? Fit(Dataset data, int features, ScalingKind kind, bool strengthGiven)
    {
        if (kind == ScalingKind.Off)
            return null;
        if (kind is ScalingKind.Standard or ScalingKind.Range or ScalingKind.MaxAbs)
            return OfEveryColumn(data, features, kind);
        ColumnStatistics look = ColumnStatistics.Of(data, features, ColumnStatistics.SampleRowsMax);
        if (Fit(look, kind, strengthGiven) is not { } fitted)
            return null;
        return data.RowCount < 2 * look.Rows ? fitted : Fit(ColumnStatistics.Of(data, features, data.RowCount), kind, strengthGiven) ?? fitted;
    }

    private static FeatureScaling OfEveryColumn(Dataset data, int features, ScalingKind kind)
    {
        var (means, inverse) = (new float[features], new float[features]);
        ColumnStatistics? moments = kind == ScalingKind.Standard ? ColumnStatistics.Of(data, features, data.RowCount) : null;
        ColumnRanges? ranges = kind == ScalingKind.Standard ? null : ColumnRanges.Of(data, features);
        for (int j = 0; j < features; j++)
        {
            (double mean, double scale) = kind switch
            {
                ScalingKind.Standard => (moments!.Mean(j), moments.Variance(j) < ConstantVariance * moments.Mean(j) * moments.Mean(j) ? 0 : Math.Sqrt(moments.Variance(j))),
                ScalingKind.Range => (ranges!.Least[j], (double)ranges.Largest[j] - ranges.Least[j]),
                _ => (0, Math.Max(Math.Abs((double)ranges!.Least[j]), Math.Abs((double)ranges.Largest[j]))),
            };
            means[j] = (float)mean;
            inverse[j] = scale > 0 ? (float)(1 / scale) : 1f;
        }
        return new FeatureScaling(means, inverse);
    }

    internal static FeatureScaling? Fit(ColumnStatistics columns, ScalingKind kind, bool strengthGiven)
    {
        bool uneven = IsUneven(columns);
        bool standardizeDense = uneven || kind == ScalingKind.On || (!strengthGiven && MostlyDense(columns));
        if (!uneven && !standardizeDense)
            return null;
        int count = columns.Counts.Length;
        var means = new float[count];
        var inverse = new float[count];
        Array.Fill(inverse, 1f);
        for (int j = 0; j < count; j++)
        {
            if (IsDense(columns, j))
            {
                double mean = columns.Mean(j), variance = columns.Variance(j);
                means[j] = (float)mean;
                inverse[j] = variance < ConstantVariance * mean * mean || variance == 0 ? 1f : (float)(1 / Math.Sqrt(variance));
            }
            else if ((uneven || kind == ScalingKind.On) && columns.RootMeanSquare(j) > 0)
            {
                inverse[j] = (float)(1 / columns.RootMeanSquare(j));
            }
        }
        return new FeatureScaling(means, inverse);
    }

    /// <summary>Makes a scaling from its numbers.</summary>
    /// <param name="means">A column each.</param>
    /// <param name="inverseScales">A column each.</param>
    public static FeatureScaling From(float[] means, float[] inverseScales)
    {
        if (means.Length != inverseScales.Length)
            throw new ArgumentException($"{means.Length} means but {inverseScales.Length} scales.", nameof(inverseScales));
        return new FeatureScaling(means, inverseScales);
    }

    /// <summary>The same with more columns, which stay as they are.</summary>
    /// <param name="features">All columns; at least as many as there are.</param>
    public FeatureScaling Extended(int features) =>
        new([.. _means, .. new float[features - _means.Length]], [.. _inverseScales, .. Enumerable.Repeat(1f, features - _means.Length)]);

    /// <summary>Turns parameters of x into those of x', in place, as <see cref="ToOriginal(Span{float}, int)"/> undoes it: w'_j = w_j s_j, b' = b + Σ w_j·mean_j.</summary>
    /// <param name="parameters">The weights, a key's side by side, the biases last.</param>
    /// <param name="width">Weights a key.</param>
    public void ToScaled(Span<float> parameters, int width = 1) => ToScaled(parameters[..(_means.Length * width)], width, parameters[(_means.Length * width)..]);

    /// <summary>The same where weights and biases don't lie one after the other.</summary>
    /// <param name="weights">A column's side by side.</param>
    /// <param name="width">Weights a column.</param>
    /// <param name="biases">As many as the width.</param>
    public void ToScaled(Span<float> weights, int width, Span<float> biases)
    {
        for (int output = 0; output < width; output++)
        {
            double bias = biases[output];
            for (int j = 0; j < _means.Length; j++)
            {
                ref float weight = ref weights[j * width + output];
                bias += (double)weight * _means[j];
                weight /= _inverseScales[j];
            }
            biases[output] = (float)bias;
        }
    }

    /// <summary>Turns parameters of x' into those of x, in place: w_j = w'_j/s_j, b = b' − Σ w_j·mean_j.</summary>
    /// <param name="parameters">The weights, a key's side by side, the biases last.</param>
    /// <param name="width">Weights a key.</param>
    public void ToOriginal(Span<float> parameters, int width = 1) => ToOriginal(parameters[..(_means.Length * width)], width, parameters[(_means.Length * width)..]);

    /// <summary>The same where weights and biases don't lie one after the other.</summary>
    /// <param name="weights">A column's side by side.</param>
    /// <param name="width">Weights a column.</param>
    /// <param name="biases">As many as the width.</param>
    public void ToOriginal(Span<float> weights, int width, Span<float> biases)
    {
        for (int output = 0; output < width; output++)
        {
            double bias = biases[output];
            for (int j = 0; j < _means.Length; j++)
            {
                ref float weight = ref weights[j * width + output];
                weight *= _inverseScales[j];
                bias -= (double)weight * _means[j];
            }
            biases[output] = (float)bias;
        }
    }

    private static bool IsDense(ColumnStatistics columns, int j) => columns.Counts[j] >= DenseShare * columns.Rows;

    private static bool MostlyDense(ColumnStatistics columns)
    {
        double all = 0, dense = 0;
        for (int j = 0; j < columns.Counts.Length; j++)
        {
            all += columns.Counts[j];
            dense += IsDense(columns, j) ? columns.Counts[j] : 0;
        }
        return dense >= 0.5 * all;
    }

    private static bool IsUneven(ColumnStatistics columns)
    {
        double support = Math.Max(SupportRowsMin, SupportShare * columns.Rows);
        double largest = 0, smallest = double.PositiveInfinity, normSquare = 0;
        for (int j = 0; j < columns.Counts.Length; j++)
        {
            normSquare += columns.Squares[j] / columns.Rows;
            if (columns.Counts[j] < support || columns.Squares[j] == 0)
                continue;
            double size = columns.RootMeanSquare(j);
            (largest, smallest) = (Math.Max(largest, size), Math.Min(smallest, size));
            double mean = columns.Mean(j), variance = columns.Variance(j);
            bool constant = variance < ConstantVariance * mean * mean;
            if (IsDense(columns, j) && !constant && mean * mean > OffCentreMax * variance)
                return true;
        }
        return largest > SizeMax || (largest > 0 && largest / smallest > SpreadMax) || normSquare < NormSquareMin;
    }
}
