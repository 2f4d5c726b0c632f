using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Multiclass hinge loss of Weston &amp; Watkins 1999: Σ_{j≠y} max(0, f_j − f_y + 1); derivative 1 for each violating j, minus their
/// number for y.
/// </summary>
public readonly struct WestonWatkinsLoss : IOutputLoss
{
    /// <inheritdoc/>
    public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
    {
        int label = (int)rows.Labels[row];
        float own = scores[label];
        loss = 0;
        int violations = 0;
        for (int j = 0; j < scores.Length; j++)
        {
            float violation = scores[j] - own + 1f;
            derivative[j] = 0;
            if (j == label || !(violation > 0f))
                continue;
            derivative[j] = 1f;
            loss += violation;
            violations++;
        }
        derivative[label] = -violations;
        return violations > 0;
    }
}
