using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>times[i] = now − times[i], and 0 where that is below 0: how long ago each time was, where a later one counts as now.</summary>
public static class TimeSince
{
    /// <summary>Replaces times by what has passed since.</summary>
    /// <param name="now">Finite.</param>
    /// <param name="times">Finite; read and written.</param>
    public static void Apply(float now, Span<float> times) => Apply(KernelForms.Best, now, times);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, float now, Span<float> times) => Map.Apply(form, new Op(now), times, times);

    private readonly struct Op(float now) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => Invoke(new Lane1(x)).Value;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T>
        {
            var passed = T.All(now) - x;
            return T.SelectLess(T.All(0f), passed, passed, T.All(0f));
        }
    }
}
