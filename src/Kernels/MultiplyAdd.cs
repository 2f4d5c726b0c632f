using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>z[i] = fma(x[i], y[i], z[i]), rounded once. <c>z</c> may be <c>x</c> or <c>y</c> itself, but not overlap them otherwise.</summary>
public static class MultiplyAdd
{
    /// <summary>Adds the products of two vectors to a third.</summary>
    /// <param name="x">First factors.</param>
    /// <param name="y">Second factors, as many.</param>
    /// <param name="z">As long; read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z) => Apply(KernelForms.Best, x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z)
    {
        KernelGuard.SameLength(x.Length, y.Length, nameof(y));
        KernelGuard.SameLength(x.Length, z.Length, nameof(z));
        var done = form == KernelForm.Avx512 ? Vectors<Lane16>(x, y, z) : form == KernelForm.Avx2 ? Vectors<Lane8>(x, y, z) : 0;
        for (var i = done; i < x.Length; i++) z[i] = MathF.FusedMultiplyAdd(x[i], y[i], z[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Vectors<T>(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z)
        where T : struct, ILane<T>
    {
        ref float left = ref MemoryMarshal.GetReference(x);
        ref float right = ref MemoryMarshal.GetReference(y);
        ref float to = ref MemoryMarshal.GetReference(z);
        var i = 0;
        for (; i <= x.Length - T.Width; i += T.Width) T.Fma(T.Load(ref left, i), T.Load(ref right, i), T.Load(ref to, i)).Store(ref to, i);
        return i;
    }
}
