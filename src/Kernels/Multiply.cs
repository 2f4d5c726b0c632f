using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>y[i] = y[i]·x[i]. <c>y</c> may be <c>x</c> itself, but not overlap it otherwise.</summary>
public static class Multiply
{
    /// <summary>Multiplies one vector by another, element by element.</summary>
    /// <param name="x">The factors.</param>
    /// <param name="y">As long as <paramref name="x"/>; read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(ReadOnlySpan<float> x, Span<float> y) => Apply(KernelForms.Best, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, ReadOnlySpan<float> x, Span<float> y)
    {
        KernelGuard.SameLength(x.Length, y.Length, nameof(y));
        Map.Apply(form, default(Op), x, y, y);
    }

    private readonly struct Op : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => y * x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => y * x;
    }
}
