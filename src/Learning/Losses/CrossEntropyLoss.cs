using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>Softmax cross-entropy −f_y + log Σ e^f for the class y; derivative softmax(f) − onehot(y).</summary>
public readonly struct CrossEntropyLoss : IOutputLoss
{
    /// <inheritdoc/>
    public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
    {
        int label = (int)rows.Labels[row];
        loss = Softmax.Apply(scores, derivative) - scores[label];
        derivative[label] -= 1f;
        return true;
    }
}
