namespace DistSgd.Learning.Losses;

/// <summary>
/// Modified Huber loss of Zhang 2004 (the one of scikit-learn), z = y·f for y = ±1: max(0, 1−z)² for z ≥ −1, −4z below. Value and
/// derivative meet at z = −1: 4 and −4.
/// </summary>
public readonly struct ModifiedHuberZhangLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label)
    {
        float margin = label * score;
        return margin >= 1f ? 0f : -2f * label * (1f - MathF.Max(-1f, margin));
    }

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        double margin = (double)label * score;
        return margin >= 1 ? 0 : margin >= -1 ? (1 - margin) * (1 - margin) : -4 * margin;
    }
}
