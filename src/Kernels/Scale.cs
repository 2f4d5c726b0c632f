using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>x[i] = a·x[i], in place.</summary>
public static class Scale
{
    /// <summary>Multiplies a vector by a number.</summary>
    /// <param name="a">The factor.</param>
    /// <param name="x">Read and written.</param>
    public static void Apply(float a, Span<float> x) => Apply(KernelForms.Best, a, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, float a, Span<float> x) => Map.Apply(form, new Op(a), x, x);

    private readonly struct Op(float a) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => a * x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T> => T.All(a) * x;
    }
}
