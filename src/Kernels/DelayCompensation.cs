using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// The gradient at a point, brought to where the parameters are by now: g' = fma(λ·(g·g), w − u, g), where u is the value at which g was computed
/// (Zheng et al. 2017, equation 10, with λ constant). Every form gives the same bits.
/// </summary>
public static class DelayCompensation
{
    /// <summary>Makes up for what changed since.</summary>
    /// <param name="form">The instruction set.</param>
    /// <param name="strength">λ, at least 0.</param>
    /// <param name="pairs">For each parameter g and u, side by side.</param>
    /// <param name="values">w, one a parameter.</param>
    /// <param name="gradient">g', overwritten; must not overlap the others.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(KernelForm form, float strength, ReadOnlySpan<float> pairs, ReadOnlySpan<float> values, Span<float> gradient)
    {
        KernelGuard.SameLength(values.Length, gradient.Length, nameof(gradient));
        KernelGuard.SameLength(2 * values.Length, pairs.Length, nameof(pairs));
        var done = form == KernelForm.Avx512 ? Loop<Lane16>(strength, pairs, values, gradient, 0)
            : form == KernelForm.Avx2 ? Loop<Lane8>(strength, pairs, values, gradient, 0)
            : 0;
        Loop<Lane1>(strength, pairs, values, gradient, done);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Loop<T>(float strength, ReadOnlySpan<float> pairs, ReadOnlySpan<float> values, Span<float> gradient, int start)
        where T : struct, ILane<T>
    {
        ref float from = ref MemoryMarshal.GetReference(pairs);
        ref float now = ref MemoryMarshal.GetReference(values);
        ref float to = ref MemoryMarshal.GetReference(gradient);
        var i = start;
        for (; i <= values.Length - T.Width; i += T.Width)
        {
            T.LoadInterleaved(ref from, 2 * i, out var g, out var then);
            T.Fma(T.All(strength) * (g * g), T.Load(ref now, i) - then, g).Store(ref to, i);
        }

        return i;
    }
}
