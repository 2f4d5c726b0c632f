using DistSgd.Learning.Data;

namespace DistSgd.Learning.Preprocessing;

/// <summary>
/// PCA whitening: x' = Λ^(−½) Vᵀ (x − μ) with the covariance's largest eigenvalues Λ and their eigenvectors V, so that on the training data x' has zero mean and the identity as covariance.
/// Immutable; any thread.
/// </summary>
public sealed class Whitening : IEquatable<Whitening>
{
    /// <summary>Most features: the covariance is a dense matrix of so many rows.</summary>
    public const int FeaturesMax = 1024;

    // Directions along which the data hardly varies would be blown up to noise.
    private const double SmallestShare = 1e-7;

    private readonly float[] _mean;
    private readonly float[] _matrix;
    private readonly float[] _offset;

    private Whitening(float[] mean, float[] matrix)
    {
        _mean = mean;
        _matrix = matrix;
        Components = matrix.Length / mean.Length;
        _offset = new float[Components];
        for (int k = 0; k < Components; k++)
        {
            double sum = 0;
            for (int j = 0; j < mean.Length; j++) sum += (double)matrix[(k * mean.Length) + j] * mean[j];
            _offset[k] = (float)sum;
        }
    }

    /// <summary>Features of rows before.</summary>
    public int Features => _mean.Length;

    /// <summary>Features of rows afterwards.</summary>
    public int Components { get; }

    /// <summary>Per feature, its mean.</summary>
    public ReadOnlySpan<float> Mean => _mean;

    /// <summary>Λ^(−½) Vᵀ, component by component.</summary>
    public ReadOnlySpan<float> Matrix => _matrix;

    /// <summary>Makes a whitening from its numbers.</summary>
    /// <param name="mean">One a feature.</param>
    /// <param name="matrix">Component by component, a number a feature.</param>
    /// <exception cref="ArgumentException">The lengths don't fit, or a number is not finite.</exception>
    public static Whitening From(float[] mean, float[] matrix)
    {
        if (mean.Length is 0 or > FeaturesMax || matrix.Length == 0 || matrix.Length % mean.Length != 0 || matrix.Length / mean.Length > mean.Length)
            throw new ArgumentException($"A whitening of {mean.Length} features has {matrix.Length} numbers; expected a multiple.", nameof(matrix));
        if (!mean.All(float.IsFinite) || !matrix.All(float.IsFinite)) throw new ArgumentException("A number is not finite.", nameof(matrix));
        return new Whitening(mean, matrix);
    }

    /// <summary>Fits to rows; the directions of the largest variances are kept.</summary>
    /// <param name="data">At least two rows, at most <see cref="FeaturesMax"/> features.</param>
    /// <param name="map">What is done with rows before.</param>
    /// <param name="components">At most so many directions; fewer, if the data varies along fewer.</param>
    /// <param name="cancellationToken">Gives up within milliseconds.</param>
    internal static Whitening Fit(Dataset data, RowMap map, int components, CancellationToken cancellationToken)
    {
        int features = (int)data.FeatureCount;
        (double[] mean, double[,] covariance) = Covariance(data, map, features);
        (double[] values, double[,] vectors) = SymmetricEigen.Solve(covariance, cancellationToken);
        int[] order = [.. Enumerable.Range(0, features).OrderByDescending(i => values[i])];
        int kept = Math.Max(1, order.Take(components).Count(i => values[i] > SmallestShare * values[order[0]]));
        var matrix = new float[kept * features];
        for (int k = 0; k < kept; k++)
        {
            double factor = values[order[k]] > 0 ? 1 / Math.Sqrt(values[order[k]]) : 0;
            for (int j = 0; j < features; j++) matrix[(k * features) + j] = (float)(vectors[j, order[k]] * factor);
        }
        return new Whitening([.. mean.Select(one => (float)one)], matrix);
    }

    /// <summary>One row.</summary>
    /// <param name="indices">Ascending; those beyond the known features count as absent.</param>
    /// <param name="values">One an index.</param>
    /// <param name="result">Receives a number a component.</param>
    public void Apply(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, Span<float> result)
    {
        int features = _mean.Length;
        for (int k = 0; k < Components; k++)
        {
            ReadOnlySpan<float> direction = _matrix.AsSpan(k * features, features);
            double sum = 0;
            for (int i = 0; i < indices.Length && indices[i] < features; i++) sum += (double)direction[(int)indices[i]] * values[i];
            result[k] = (float)(sum - _offset[k]);
        }
    }

    /// <inheritdoc/>
    public bool Equals(Whitening? other) => other is not null && _mean.AsSpan().SequenceEqual(other._mean) && _matrix.AsSpan().SequenceEqual(other._matrix);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Whitening);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_mean.Length, _matrix.Length, _matrix[0]);

    private static (double[] Mean, double[,] Covariance) Covariance(Dataset data, RowMap map, int features)
    {
        var (sums, products) = (new double[features], new double[features, features]);
        for (long row = 0; row < data.RowCount; row++)
        {
            map.Apply(data.Row(row));
            ReadOnlySpan<uint> indices = map.Indices;
            ReadOnlySpan<float> values = map.Values;
            for (int a = 0; a < indices.Length; a++)
            {
                sums[indices[a]] += values[a];
                for (int b = a; b < indices.Length; b++) products[indices[a], indices[b]] += (double)values[a] * values[b];
            }
        }
        double rows = data.RowCount;
        double[] mean = [.. sums.Select(sum => sum / rows)];
        for (int i = 0; i < features; i++)
            for (int j = i; j < features; j++) products[i, j] = products[j, i] = (products[i, j] / rows) - (mean[i] * mean[j]);
        return (mean, products);
    }
}
