using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Exponential loss e^(−z), z = y·f for y = ±1, up to −z = <see cref="ExponentMax"/>; beyond it goes on along its tangent, so that one
/// badly wrong row cannot throw the model into infinity. Value and derivative are continuous, the loss stays convex.
/// </summary>
public readonly struct ExponentialLoss : IScoreLoss
{
    /// <summary>The largest exponent.</summary>
    public const float ExponentMax = 4;

    /// <inheritdoc/>
    public float Derivative(float score, float label) => -label * ScalarMath.Exp(MathF.Min(ExponentMax, -label * score));

    /// <inheritdoc/>
    public double Value(float score, float label)
    {
        double exponent = -(double)label * score;
        double clipped = Math.Min(ExponentMax, exponent);
        return Math.Exp(clipped) * (1 + exponent - clipped);
    }
}
