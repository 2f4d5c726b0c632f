using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Structured hinge loss with a cost a pair of classes (Tsochantaridis et al. 2005, margin rescaling): max_ŷ [Δ(y,ŷ) + f_ŷ] − f_y with
/// Δ(y,y) = 0; where ŷ ≠ y wins, derivative 1 for ŷ (the first of equals), −1 for y.
/// </summary>
/// <param name="costs">Δ(y,ŷ) at y·k + ŷ; not negative.</param>
public readonly struct CostLoss(float[] costs) : IOutputLoss
{
    /// <inheritdoc/>
    public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
    {
        int label = (int)rows.Labels[row], worst = label;
        ReadOnlySpan<float> cost = costs.AsSpan(label * scores.Length, scores.Length);
        float highest = scores[label];
        for (int j = 0; j < scores.Length; j++)
        {
            derivative[j] = 0;
            float augmented = scores[j] + cost[j];
            if (j != label && augmented > highest)
                (worst, highest) = (j, augmented);
        }
        loss = highest - scores[label];
        if (worst == label)
            return false;
        derivative[worst] = 1f;
        derivative[label] = -1f;
        return true;
    }
}
