namespace DistSgd.Learning.Losses;

/// <summary>Huber's loss of the residual r = f−y (Huber 1964): ½r² for |r| ≤ δ, else δ(|r|−½δ); derivative clip(r, −δ, δ).</summary>
/// <param name="delta">δ, positive.</param>
public readonly struct HuberLoss(float delta) : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label) => MathF.Min(delta, MathF.Max(-delta, score - label));

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        double size = Math.Abs((double)score - label);
        return size <= delta ? 0.5 * size * size : delta * (size - 0.5 * delta);
    }
}
