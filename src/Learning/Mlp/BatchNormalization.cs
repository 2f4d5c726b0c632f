using DistSgd.Kernels;

namespace DistSgd.Learning.Mlp;

/// <summary>
/// Batch normalisation of one layer's sums (Ioffe &amp; Szegedy 2015): x̂ = (z − μ)/√(σ² + ε), y = γ·x̂ + β, with mean and variance of the mini-batch in training and
/// the running ones when predicting. Holds what the backward pass needs; one thread at a time.
/// </summary>
/// <param name="columns">Sums a row.</param>
internal sealed class BatchNormalization(int columns) : IDisposable
{
    /// <summary>ε.</summary>
    public const float Epsilon = 1e-5f;

    /// <summary>How much of the running statistics a mini-batch replaces, by one worker; W workers replace a W-th of it each.</summary>
    public const float Momentum = 0.1f;

    private readonly float[] _mean = new float[columns];
    private readonly float[] _variance = new float[columns];
    private readonly float[] _inverse = new float[columns];
    private readonly float[] _first = new float[columns];
    private readonly float[] _second = new float[columns];
    private NativeBuffer<float> _normalized = new(0);

    /// <summary>Normalises by the mini-batch.</summary>
    /// <param name="z">Rows of sums; overwritten with y.</param>
    /// <param name="gamma">γ.</param>
    /// <param name="beta">β.</param>
    public void Train(Span<float> z, ReadOnlySpan<float> gamma, ReadOnlySpan<float> beta)
    {
        int rows = z.Length / columns;
        if (_normalized.Length < z.Length)
        {
            _normalized.Dispose();
            _normalized = new NativeBuffer<float>(z.Length);
        }
        Span<float> normalized = _normalized.AsSpan(0, z.Length);
        Array.Clear(_mean);
        for (int i = 0; i < rows; i++)
            Add.Apply(Row(z, i), _mean);
        Scale.Apply(1f / rows, _mean);
        Array.Clear(_variance);
        for (int i = 0; i < rows; i++)
        {
            Span<float> row = Row(normalized, i);
            Subtract.Apply(Row(z, i), _mean, row);
            MultiplyAdd.Apply(row, row, _variance);
        }
        Scale.Apply(1f / rows, _variance);
        Invert(_variance);
        for (int i = 0; i < rows; i++)
        {
            Multiply.Apply(_inverse, Row(normalized, i));
            beta.CopyTo(Row(z, i));
            MultiplyAdd.Apply(Row(normalized, i), gamma, Row(z, i));
        }
    }

    /// <summary>What the mini-batch changes in the running statistics.</summary>
    /// <param name="rows">Rows of the mini-batch.</param>
    /// <param name="mean">The running mean.</param>
    /// <param name="variance">The running variance.</param>
    /// <param name="meanChange">Overwritten with what is to be added to it.</param>
    /// <param name="varianceChange">The same.</param>
    public void Track(int rows, ReadOnlySpan<float> mean, ReadOnlySpan<float> variance, Span<float> meanChange, Span<float> varianceChange)
    {
        if (rows == 1)
        {
            // One row says nothing of a variance.
            meanChange.Clear();
            varianceChange.Clear();
            return;
        }
        float unbiased = rows / (rows - 1f);
        for (int j = 0; j < columns; j++)
        {
            meanChange[j] = Momentum * (_mean[j] - mean[j]);
            varianceChange[j] = Momentum * (unbiased * _variance[j] - variance[j]);
        }
    }

    /// <summary>Normalises by running statistics.</summary>
    public void Predict(Span<float> z, ReadOnlySpan<float> gamma, ReadOnlySpan<float> beta, ReadOnlySpan<float> mean, ReadOnlySpan<float> variance)
    {
        Invert(variance);
        Multiply.Apply(gamma, _inverse);
        for (int i = 0; i < z.Length / columns; i++)
        {
            Span<float> row = Row(z, i);
            Subtract.Apply(row, mean, row);
            Multiply.Apply(_inverse, row);
            Add.Apply(beta, row);
        }
    }

    /// <summary>From the derivative in y to those in γ, β and z; of the mini-batch that <see cref="Train"/> saw last.</summary>
    /// <param name="derivative">Rows of the derivative in y; overwritten with that in z.</param>
    /// <param name="gamma">γ.</param>
    /// <param name="gammaGradient">Overwritten.</param>
    /// <param name="betaGradient">Overwritten.</param>
    public void Backward(Span<float> derivative, ReadOnlySpan<float> gamma, Span<float> gammaGradient, Span<float> betaGradient)
    {
        int rows = derivative.Length / columns;
        Span<float> normalized = _normalized.AsSpan(0, derivative.Length);
        gammaGradient.Clear();
        betaGradient.Clear();
        for (int i = 0; i < rows; i++)
        {
            Add.Apply(Row(derivative, i), betaGradient);
            MultiplyAdd.Apply(Row(derivative, i), Row(normalized, i), gammaGradient);
        }
        // dz = γ/√(σ²+ε) · (dy − dβ/m − x̂·dγ/m).
        for (int j = 0; j < columns; j++)
        {
            _first[j] = betaGradient[j] / rows;
            _second[j] = -gammaGradient[j] / rows;
        }
        Multiply.Apply(gamma, _inverse);
        for (int i = 0; i < rows; i++)
        {
            Span<float> row = Row(derivative, i);
            Subtract.Apply(row, _first, row);
            MultiplyAdd.Apply(Row(normalized, i), _second, row);
            Multiply.Apply(_inverse, row);
        }
    }

    public void Dispose() => _normalized.Dispose();

    private void Invert(ReadOnlySpan<float> variance)
    {
        for (int j = 0; j < columns; j++)
            _inverse[j] = 1f / MathF.Sqrt(MathF.Max(0f, variance[j]) + Epsilon);
    }

    private Span<float> Row(Span<float> rows, int number) => rows.Slice(number * columns, columns);
}
