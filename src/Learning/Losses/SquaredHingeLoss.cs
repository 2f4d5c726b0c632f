namespace DistSgd.Learning.Losses;

/// <summary>Squared hinge loss max(0, 1−z)², z = y·f for y = ±1; derivative −2y·max(0, 1−z).</summary>
public readonly struct SquaredHingeLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label)
    {
        float missing = 1f - label * score;
        return missing > 0f ? -2f * label * missing : 0f;
    }

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        double missing = Math.Max(0.0, 1.0 - (double)label * score);
        return missing * missing;
    }
}
