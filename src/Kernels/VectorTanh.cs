using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>result[i] = tanh x, the bits of <see cref="ScalarMath.Tanh"/> for each element.</summary>
public static class VectorTanh
{
    /// <summary>Computes every element; <paramref name="result"/> may be <paramref name="x"/> itself, but not overlap it otherwise.</summary>
    /// <param name="x">Arguments, any float32.</param>
    /// <param name="result">As long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(ReadOnlySpan<float> x, Span<float> result) => Apply(KernelForms.Best, x, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, ReadOnlySpan<float> x, Span<float> result)
    {
        KernelGuard.SameLength(x.Length, result.Length, nameof(result));
        Map.Apply(form, default(Op), x, result);
    }

    private readonly struct Op : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => ScalarMath.Tanh(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T> => VectorMath.Tanh(x);
    }
}
