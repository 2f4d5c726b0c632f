using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>Σ |x[i]|: p = p + |x[i]| in the order of <see cref="ReductionTree"/> (64 partial sums, folded in halves).</summary>
public static class SumOfMagnitudes
{
    /// <summary>Computes the sum of magnitudes.</summary>
    /// <param name="x">The vector.</param>
    /// <returns>The sum; +0 for an empty vector.</returns>
    public static float Compute(ReadOnlySpan<float> x) => Compute(KernelForms.Best, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Compute(KernelForm form, ReadOnlySpan<float> x) => ReductionTree.Sum<Term>(form, x, x);

    private readonly struct Term : ITerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Add(float x, float y, float partial) => partial + MathF.Abs(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Add<T>(T x, T y, T partial)
            where T : struct, ILane<T> => partial + T.And(x, T.AllBits(int.MaxValue));
    }
}
