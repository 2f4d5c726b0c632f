using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>Logistic loss log(1+e^(−z)), z = y·f for y = ±1; derivative −y·σ(−z).</summary>
public readonly struct LogisticLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label) => ScalarMath.LogisticDerivative(score, label);

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        // max(0,−z) + log1p(e^(−|z|)) never overflows.
        float margin = label * score;
        return Math.Max(0f, -margin) + (double)ScalarMath.Log1p(ScalarMath.Exp(-MathF.Abs(margin)));
    }
}
