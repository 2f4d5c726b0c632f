namespace DistSgd.Learning.Losses;

/// <summary>
/// Modified Huber loss of z = y·f for y = ±1: 0 for z ≥ 1, (1−z)² for 0 &lt; z &lt; 1, 1−2z for z ≤ 0. Value and derivative meet at
/// both ends: 1 and −2 at z = 0, 0 and 0 at z = 1.
/// </summary>
public readonly struct ModifiedHuberLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label)
    {
        float margin = label * score;
        return margin >= 1f ? 0f : -2f * label * (1f - MathF.Max(0f, margin));
    }

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        double margin = (double)label * score;
        return margin >= 1 ? 0 : margin > 0 ? (1 - margin) * (1 - margin) : 1 - 2 * margin;
    }
}
