namespace DistSgd.Learning.Losses;

/// <summary>Squared loss ½(f−y)²; derivative f−y.</summary>
public readonly struct SquaredLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label) => score - label;

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        double residual = (double)score - label;
        return 0.5 * residual * residual;
    }
}
