using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>x[i] = x[i] where |x[i]| ≤ limit, else ±limit with its sign. NaN stays.</summary>
public static class ClipMagnitude
{
    /// <summary>Clips.</summary>
    /// <param name="limit">Positive.</param>
    /// <param name="x">Read and written.</param>
    public static void Apply(float limit, Span<float> x) => Apply(KernelForms.Best, limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, float limit, Span<float> x) => Map.Apply(form, new Op(limit), x, x);

    private readonly struct Op(float limit) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => Invoke(new Lane1(x)).Value;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T>
        {
            var bound = T.Or(T.All(limit), T.And(x, T.AllBits(int.MinValue)));
            return T.SelectLess(T.All(limit), T.And(x, T.AllBits(int.MaxValue)), bound, x);
        }
    }
}
