using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>Sigmoid loss σ(−z), z = y·f for y = ±1: bounded and not convex, so that outliers count little; derivative −y·σ(z)·σ(−z).</summary>
public readonly struct SigmoidLoss : IScoreLoss
{
    /// <inheritdoc/>
    public float Derivative(float score, float label)
    {
        float share = ScalarMath.Sigmoid(-label * score);
        return -label * (share * (1f - share));
    }

    /// <inheritdoc/>
    public double Value(float score, float label) => ScalarMath.Sigmoid(-label * score);
}
