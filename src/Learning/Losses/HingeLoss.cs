using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>Hinge loss max(0, 1−y·f) for y = ±1; the subgradient taken is −y where y·f &lt; 1, else 0.</summary>
public readonly struct HingeLoss : ILossDerivative
{
    /// <inheritdoc/>
    public static float Derivative(float score, float label) => label * score < 1f ? -label : 0f;
}
