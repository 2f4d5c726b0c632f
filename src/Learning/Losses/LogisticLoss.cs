using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>Logistic loss log(1+e^(−y·f)) for y = ±1; derivative −y·σ(−y·f).</summary>
public readonly struct LogisticLoss : ILossDerivative
{
    /// <inheritdoc/>
    public static float Derivative(float score, float label) => ScalarMath.LogisticDerivative(score, label);
}
