using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>Σ x[i]·y[i]: p = fma(x[i], y[i], p) in the order of <see cref="ReductionTree"/> (64 partial sums, folded in halves).</summary>
public static class DenseDot
{
    /// <summary>Computes the dot product. The spans may overlap in any way.</summary>
    /// <param name="x">First vector.</param>
    /// <param name="y">Second vector, as long as <paramref name="x"/>.</param>
    /// <returns>The sum; +0 for empty vectors.</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static float Compute(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Compute(KernelForms.Best, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Compute(KernelForm form, ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        KernelGuard.SameLength(x.Length, y.Length, nameof(y));
        return ReductionTree.Sum<Term>(form, x, y);
    }

    private readonly struct Term : ITerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Add(float x, float y, float partial) => MathF.FusedMultiplyAdd(x, y, partial);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Add<T>(T x, T y, T partial)
            where T : struct, ILane<T> => T.Fma(x, y, partial);
    }
}
