namespace DistSgd.Learning.Losses;

/// <summary>Hinge loss max(0, 1−z), z = y·f for y = ±1; the subgradient taken is −y where z &lt; 1, else 0.</summary>
public readonly struct HingeLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label) => label * score < 1f ? -label : 0f;

    /// <inheritdoc/>
    public double Value(float score, float label) => MathF.Max(0f, 1f - label * score);
}
