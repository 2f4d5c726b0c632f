using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Multiclass hinge loss of Crammer &amp; Singer 2001: max(0, max_{j≠y}(f_j + Δ) − f_y); where violated, derivative 1 for the worst j
/// (the first of equals), −1 for y. With the 0/1 cost this is the structured SVM whose structure is one class.
/// </summary>
/// <param name="margin">Δ, positive.</param>
public readonly struct CrammerSingerLoss(float margin) : IOutputLoss
{
    /// <inheritdoc/>
    public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
    {
        int label = (int)rows.Labels[row], worst = -1;
        float highest = float.NegativeInfinity;
        for (int j = 0; j < scores.Length; j++)
        {
            derivative[j] = 0;
            if (j == label || !(scores[j] > highest))
                continue;
            (worst, highest) = (j, scores[j]);
        }
        loss = worst < 0 ? 0f : MathF.Max(0f, highest + margin - scores[label]);
        if (!(loss > 0f))
            return false;
        derivative[worst] = 1f;
        derivative[label] = -1f;
        return true;
    }
}
