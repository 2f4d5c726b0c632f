using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// L1 and L2 regularisation as the exact flow dw/dh = −(l2·w + l1·sign w)/m over an accumulated learning rate H, where m is the
/// update rule's metric of the parameter (<see cref="IUpdateRule{TSelf}.Time"/> gives x = H/m). A weight decays, stops at 0 and stays there:
/// <code>
/// x = H/m;  y = l2·x;  a = Decay(y);  b = y &lt; ¼ ? (l1·x)·p(y) : (l1/l2)·(1 − a)   (what 1 − a loses where a is near 1, p keeps)
/// p = −1/720;  p = fma(p, y, 1/120);  p = fma(p, y, −1/24);  p = fma(p, y, 1/6);  p = fma(p, y, −½);  p = fma(p, y, 1)
/// v = fma(|w|, a, −b);  w = copysign(v &lt; 0 ? 0 : v, w);  w = ±0 is left alone (also where m = 0)
/// </code>
/// Where m differs from parameter to parameter and l1 is 0, w·Decay((l2·H)/m) is all there is of it. Because the flow is exact, two flows over H₁ and H₂ equal one over H₁ + H₂ up to rounding, so it may be applied lazily.
/// Every form gives the same bits.
/// </summary>
public static class RegularizationFlow
{
    /// <summary>The same decay for every key: w = shrink(w, a, b).</summary>
    /// <param name="a">Factor, exp(−l2·H), in [0, 1].</param>
    /// <param name="b">Amount taken off, as above, at least 0.</param>
    /// <param name="weights">Read and written.</param>
    public static void Uniform(float a, float b, Span<float> weights) => Uniform(KernelForms.Best, a, b, weights);

    /// <summary>Each lane over its own time x; also the factor a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Decay<T>(float l1, float l2, T time, T weight, out T factor)
        where T : struct, ILane<T>
    {
        factor = VectorMath.Decay(T.All(l2) * time);
        // Nothing is taken off without L1: the product alone has the same bits.
        return l1 == 0 ? weight * factor : Shrink(weight, factor, Amount(l1, l2, time, factor));
    }

    /// <summary>The factor a and the amount b of Uniform for the time x = H (m = 1).</summary>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0.</param>
    /// <param name="time">H, finite, at least 0.</param>
    public static (float A, float B) Factors(float l1, float l2, float time)
    {
        var a = VectorMath.Decay(new Lane1(l2 * time)).Value;
        return (a, Amount(l1, l2, new Lane1(time), new Lane1(a)).Value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Amount<T>(float l1, float l2, T time, T a)
        where T : struct, ILane<T>
    {
        var y = T.All(l2) * time;
        return T.SelectLess(y, T.All(VectorMath.SmallDecay), T.All(l1) * time * VectorMath.DecaySeries(y), T.All(l1 / l2) * (T.All(1f) - a));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Uniform(KernelForm form, float a, float b, Span<float> weights) => Map.Apply(form, new UniformOp(a, b), weights, weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Shrink<T>(T w, T a, T b)
        where T : struct, ILane<T>
    {
        var sign = T.And(w, T.AllBits(int.MinValue));
        var v = T.Fma(T.And(w, T.AllBits(int.MaxValue)), a, T.All(0f) - b);
        v = T.And(T.SelectLess(v, T.All(0f), T.All(0f), v), T.AllBits(int.MaxValue));
        return T.Select(T.Equal(w, T.All(0f)), w, T.Or(v, sign));
    }

    private readonly struct UniformOp(float a, float b) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => Shrink(new Lane1(x), new Lane1(a), new Lane1(b)).Value;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T> => Shrink(x, T.All(a), T.All(b));
    }
}
