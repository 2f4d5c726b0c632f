using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>z[i] = x[i] − y[i]. <c>z</c> may be <c>x</c> or <c>y</c> itself, but not overlap them otherwise.</summary>
public static class Subtract
{
    /// <summary>Subtracts one vector from another.</summary>
    /// <param name="x">Minuend.</param>
    /// <param name="y">Subtrahend, as long as <paramref name="x"/>.</param>
    /// <param name="z">Receives the difference; as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z) => Apply(KernelForms.Best, x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z)
    {
        KernelGuard.SameLength(x.Length, y.Length, nameof(y));
        KernelGuard.SameLength(x.Length, z.Length, nameof(z));
        Map.Apply(form, default(Op), x, y, z);
    }

    private readonly struct Op : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => x - y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => x - y;
    }
}
