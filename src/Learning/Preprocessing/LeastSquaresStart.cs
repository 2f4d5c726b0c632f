using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Preprocessing;

/// <summary>
/// Where a linear regression begins: the minimum of ½ Σ cᵢ (w·xᵢ + b − yᵢ)² / n + λ₂/2 ‖w‖² over evenly spaced rows, by conjugate gradients on the normal equations (Hestenes &amp; Stiefel 1952; preconditioned
/// by their diagonal), in float64. Steps of gradients go on from there: what is flat, they would find slowly only, however small the data. Pure; any thread.
/// </summary>
/// <param name="Parameters">The weights, in the scaling's units, and the bias behind them.</param>
/// <param name="IsWhole">True if all rows were looked at: these parameters are the minimum then.</param>
public sealed record LeastSquaresStart(float[] Parameters, bool IsWhole)
{
    private const int RowsPerFeature = 25;
    private const long NonZerosMax = 1 << 20;
    private const int IterationsMax = 250;
    private const double Tolerance = 1e-7;

    /// <summary>True if so many rows tell the weights of a data set's features by themselves: 25 for each that occurs.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="data">The data set; where it is streamed, all features are taken to occur.</param>
    /// <param name="outputs">Weights a feature.</param>
    public static bool AreMany(long rows, Dataset data, int outputs = 1)
    {
        long most = rows / RowsPerFeature / outputs;
        if (most >= data.FeatureCount || data.IsStreamed || data.FeatureCount > Array.MaxLength)
            return most >= data.FeatureCount;
        var occurs = new bool[data.FeatureCount];
        long found = 0;
        for (long row = 0; row < data.RowCount && found <= most; row++)
        {
            foreach (uint feature in data.Row(row).Indices)
            {
                found += occurs[feature] ? 0 : 1;
                occurs[feature] = true;
            }
        }
        return found <= most;
    }

    /// <summary>Looks at the data.</summary>
    /// <param name="data">The training data.</param>
    /// <param name="features">Weights; at least the data's features.</param>
    /// <param name="scaling">Null: columns as they are.</param>
    /// <param name="weighting">What rows count; null: 1 each.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="l2">λ₂; 0 or more.</param>
    /// <returns>Null where not all rows can be looked at, and those that can are too few for so many features.</returns>
    public static LeastSquaresStart? Of(Dataset data, int features, FeatureScaling? scaling, RowWeighting? weighting, LabelMap labels, double l2)
    {
        long each = data.NonZeroCount / data.RowCount + (scaling?.DenseColumns.Length ?? 0) + 1;
        long stride = (data.RowCount * each + NonZerosMax - 1) / NonZerosMax;
        if (stride > 1 && !AreMany(data.RowCount / stride, data))
            return null;
        var rows = new Rows(data, Math.Max(1, stride), features, scaling, weighting, labels);
        double[] weights = rows.Solve(l2 * rows.Count);
        var parameters = new float[features + 1];
        for (int column = 0; column < weights.Length; column++)
            parameters[rows.Features[column]] = (float)weights[column];
        parameters[^1] = (float)rows.Bias(weights);
        return parameters.AsSpan().ContainsAnyExceptInRange(float.MinValue, float.MaxValue) ? null : new LeastSquaresStart(parameters, stride <= 1);
    }

    // The rows looked at, with the columns that occur in them, around their means, which is what the free bias comes to.
    private sealed class Rows
    {
        private readonly List<int> _starts = [0];
        private readonly List<int> _columns = [];
        private readonly List<float> _values = [];
        private readonly List<double> _counts = [];
        private readonly List<double> _targets = [];
        private readonly List<double> _squares = [];
        private readonly double _counted;

        public Rows(Dataset data, long stride, int features, FeatureScaling? scaling, RowWeighting? weighting, LabelMap labels)
        {
            var columns = new int[features];
            var transform = new RowTransform(scaling);
            for (long row = 0; row < data.RowCount; row += stride)
            {
                SparseRow x = data.Row(row);
                transform.Apply(x.Indices, x.Values);
                double count = weighting?.Of(data, labels, row) ?? 1;
                for (int i = 0; i < transform.Indices.Length; i++)
                {
                    ref int column = ref columns[transform.Indices[i]];
                    if (column == 0)
                    {
                        Features.Add((int)transform.Indices[i]);
                        _squares.Add(0);
                        column = Features.Count;
                    }
                    _columns.Add(column - 1);
                    _values.Add(transform.Values[i]);
                    _squares[column - 1] += count * transform.Values[i] * transform.Values[i];
                }
                _starts.Add(_columns.Count);
                _counts.Add(count);
                _targets.Add(labels.ToLearning(x.Label, row));
                _counted += count;
            }
        }

        public int Count => _counts.Count;

        /// <summary>The feature of each column.</summary>
        public List<int> Features { get; } = [];

        public double Bias(double[] weights)
        {
            double[] left = Scores(weights);
            for (int row = 0; row < left.Length; row++)
                left[row] = _targets[row] - left[row];
            return Mean(left);
        }

        // (XᵀCX + strength) w = XᵀC y, X and y around their means.
        public double[] Solve(double strength)
        {
            var weights = new double[Features.Count];
            double[] left = Centred([.. _targets]), slope = Slope(left), direction = Divided(slope, strength);
            double size = Dot(slope, direction), enough = size * Tolerance * Tolerance;
            for (int iteration = 0; iteration < IterationsMax && size > enough; iteration++)
            {
                double[] moved = Centred(Scores(direction));
                double curvature = strength * Dot(direction, direction);
                for (int row = 0; row < moved.Length; row++)
                    curvature += _counts[row] * moved[row] * moved[row];
                if (!(curvature > 0))
                    break;
                double step = size / curvature;
                Add(weights, step, direction);
                Add(left, -step, moved);
                slope = Slope(left);
                Add(slope, -strength, weights);
                double[] next = Divided(slope, strength);
                double before = size;
                size = Dot(slope, next);
                Add(next, size / before, direction);
                direction = next;
            }
            return weights;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private double[] Scores(double[] weights)
        {
            ReadOnlySpan<int> columns = CollectionsMarshal.AsSpan(_columns);
            ReadOnlySpan<float> values = CollectionsMarshal.AsSpan(_values);
            var scores = new double[Count];
            for (int row = 0; row < scores.Length; row++)
            {
                double sum = 0;
                for (int n = _starts[row]; n < _starts[row + 1]; n++)
                    sum += weights[columns[n]] * values[n];
                scores[row] = sum;
            }
            return scores;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private double[] Slope(double[] left)
        {
            ReadOnlySpan<int> columns = CollectionsMarshal.AsSpan(_columns);
            ReadOnlySpan<float> values = CollectionsMarshal.AsSpan(_values);
            var slope = new double[Features.Count];
            for (int row = 0; row < left.Length; row++)
            {
                double counted = _counts[row] * left[row];
                for (int n = _starts[row]; n < _starts[row + 1]; n++)
                    slope[columns[n]] += counted * values[n];
            }
            return slope;
        }

        private double[] Centred(double[] values)
        {
            double mean = Mean(values);
            for (int row = 0; row < values.Length; row++)
                values[row] -= mean;
            return values;
        }

        private double Mean(double[] values) => Dot(values, CollectionsMarshal.AsSpan(_counts)) / _counted;

        private double[] Divided(double[] slope, double strength)
        {
            var divided = new double[slope.Length];
            for (int column = 0; column < slope.Length; column++)
                divided[column] = _squares[column] + strength > 0 ? slope[column] / (_squares[column] + strength) : 0;
            return divided;
        }

        private static void Add(double[] to, double times, double[] what)
        {
            for (int i = 0; i < to.Length; i++)
                to[i] += times * what[i];
        }

        private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
        {
            double sum = 0;
            for (int i = 0; i < a.Length; i++)
                sum += a[i] * b[i];
            return sum;
        }
    }
}
