using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers;

/// <summary>
/// Bounds on a mini-batch's gradient before it is pushed: first each element to [−value, value], then the whole to a norm of at most
/// <paramref name="Norm"/> (Pascanu, Mikolov &amp; Bengio 2013, Algorithm 1). Where keys are exchanged as lists, the norm is that of the keys of the mini-batch: all
/// others have gradient 0. Immutable; any thread.
/// </summary>
/// <param name="Value">Largest magnitude of an element; 0: no bound.</param>
/// <param name="Norm">Largest L2 norm; 0: no bound.</param>
public sealed record GradientClip(float Value = 0, float Norm = 0)
{
    /// <summary>No bounds.</summary>
    public static GradientClip None { get; } = new();

    /// <summary>Applies both bounds.</summary>
    /// <param name="gradient">Changed.</param>
    public void Apply(Span<float> gradient)
    {
        if (Value > 0)
            ClipMagnitude.Apply(Value, gradient);
        if (Norm > 0)
            ClipNorm(gradient);
    }

    private void ClipNorm(Span<float> gradient)
    {
        float norm = MathF.Sqrt(SumOfSquares.Compute(gradient));
        if (float.IsPositiveInfinity(norm))
        {
            // The squares overflow, the gradient does not.
            Scale.Apply(1f / MaxMagnitude.Compute(gradient), gradient);
            norm = MathF.Sqrt(SumOfSquares.Compute(gradient));
            if (norm > 0)
                Scale.Apply(Norm / norm, gradient);
            return;
        }
        if (norm > Norm)
            Scale.Apply(Norm / norm, gradient);
    }
}
