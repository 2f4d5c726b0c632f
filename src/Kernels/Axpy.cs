using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>y[i] = fma(a, x[i], y[i]), rounded once. <c>y</c> may be <c>x</c> itself, but not overlap it otherwise.</summary>
public static class Axpy
{
    /// <summary>Adds a multiple of one vector to another.</summary>
    /// <param name="a">The factor.</param>
    /// <param name="x">The vector to add.</param>
    /// <param name="y">As long as <paramref name="x"/>; read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(float a, ReadOnlySpan<float> x, Span<float> y) => Apply(KernelForms.Best, a, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, float a, ReadOnlySpan<float> x, Span<float> y)
    {
        KernelGuard.SameLength(x.Length, y.Length, nameof(y));
        Map.Apply(form, new Op(a), x, y, y);
    }

    private readonly struct Op(float a) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => MathF.FusedMultiplyAdd(a, x, y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => T.Fma(T.All(a), x, y);
    }
}
