using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>Squared loss ½(f−y)²; derivative f−y.</summary>
public readonly struct SquaredLoss : ILossDerivative
{
    /// <inheritdoc/>
    public static float Derivative(float score, float label) => score - label;
}
