using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// L1 and L2 regularisation as the exact flow dw/dh = −(l2·w + l1·sign w)/m over an accumulated learning rate H, where m is 1
/// (<c>Uniform</c>) or AdaGrad's metric of the key (<c>Adaptive</c>). A weight decays, stops at 0 and stays there:
/// <code>
/// x = H/m;  y = l2·x;  a = Exp(−y);  b = y &lt; ¼ ? (l1·x)·p(y) : (l1/l2)·(1 − a)   (what 1 − a loses where a is near 1, p keeps)
/// p = −1/720;  p = fma(p, y, 1/120);  p = fma(p, y, −1/24);  p = fma(p, y, 1/6);  p = fma(p, y, −½);  p = fma(p, y, 1)
/// v = fma(|w|, a, −b);  w = copysign(v &lt; 0 ? 0 : v, w);  w = ±0 is left alone (also where m = 0)
/// </code>
/// Because the flow is exact, two flows over H₁ and H₂ equal one over H₁ + H₂ up to rounding, so it may be applied lazily.
/// Every form gives the same bits.
/// </summary>
public static class RegularizationFlow
{
    private const float SmallDecay = 0.25f;
    private const float P5 = -1f / 720f;
    private const float P4 = 1f / 120f;
    private const float P3 = -1f / 24f;
    private const float P2 = 1f / 6f;

    /// <summary>The same decay for every key: w = shrink(w, a, b).</summary>
    /// <param name="a">Factor, exp(−l2·H), in [0, 1].</param>
    /// <param name="b">Amount taken off, as above, at least 0.</param>
    /// <param name="weights">Read and written.</param>
    public static void Uniform(float a, float b, Span<float> weights) => Uniform(KernelForms.Best, a, b, weights);

    /// <summary>Decay in AdaGrad's metric m = delta + √r; weights and sums of squares in separate arrays.</summary>
    /// <param name="rate">Accumulated learning rate H, finite, at least 0.</param>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0; with both 0 nothing changes.</param>
    /// <param name="delta">AdaGrad's small constant, positive.</param>
    /// <param name="weights">Read and written.</param>
    /// <param name="accumulators">Sums of squares, as long as <paramref name="weights"/>, not overlapping it.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Adaptive(float rate, float l1, float l2, float delta, Span<float> weights, ReadOnlySpan<float> accumulators) =>
        Adaptive(KernelForms.Best, rate, l1, l2, delta, weights, accumulators);

    /// <summary>Decay in AdaGrad's metric m = delta + √r; entries[2j] is a weight, entries[2j+1] its sum of squares.</summary>
    /// <param name="rate">Accumulated learning rate H, finite, at least 0.</param>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0; with both 0 nothing changes.</param>
    /// <param name="delta">AdaGrad's small constant, positive.</param>
    /// <param name="entries">Read and written; an even number of floats.</param>
    /// <exception cref="ArgumentException">The number of floats is odd.</exception>
    public static void AdaptiveInterleaved(float rate, float l1, float l2, float delta, Span<float> entries) =>
        AdaptiveInterleaved(KernelForms.Best, rate, l1, l2, delta, entries);

    /// <summary>One key over the time x = H/m.</summary>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0.</param>
    /// <param name="time">x, finite, at least 0.</param>
    /// <param name="weight">w.</param>
    /// <returns>The decayed weight.</returns>
    public static float Decay(float l1, float l2, float time, float weight)
    {
        (float a, float b) = Factors(l1, l2, time);
        return Shrink(weight, a, b);
    }

    /// <summary>Many keys, each over its own time x = H/m; the same bits as <see cref="Decay"/>.</summary>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0.</param>
    /// <param name="times">One x a key, finite, at least 0.</param>
    /// <param name="weights">Read and written; as long as <paramref name="times"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Timed(float l1, float l2, ReadOnlySpan<float> times, Span<float> weights) => Timed(KernelForms.Best, l1, l2, times, weights);

    /// <summary>The factor a and the amount b of Uniform for the time x = H (m = 1).</summary>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0.</param>
    /// <param name="time">H, finite, at least 0.</param>
    public static (float A, float B) Factors(float l1, float l2, float time)
    {
        var a = ScalarMath.Exp(-l2 * time);
        return (a, Amount(l1, l2, time, a));
    }

    private static float Amount(float l1, float l2, float time, float a)
    {
        var y = l2 * time;
        var p = MathF.FusedMultiplyAdd(P5, y, P4);
        p = MathF.FusedMultiplyAdd(p, y, P3);
        p = MathF.FusedMultiplyAdd(p, y, P2);
        p = MathF.FusedMultiplyAdd(p, y, -0.5f);
        p = MathF.FusedMultiplyAdd(p, y, 1f);
        return y < SmallDecay ? l1 * time * p : l1 / l2 * (1f - a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Amount<T>(float l1, float l2, T time, T a)
        where T : struct, ILane<T>
    {
        var y = T.All(l2) * time;
        var p = T.Fma(T.All(P5), y, T.All(P4));
        p = T.Fma(p, y, T.All(P3));
        p = T.Fma(p, y, T.All(P2));
        p = T.Fma(p, y, T.All(-0.5f));
        p = T.Fma(p, y, T.All(1f));
        return T.Select(T.Less(y, T.All(SmallDecay)), T.All(l1) * time * p, T.All(l1 / l2) * (T.All(1f) - a));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Uniform(KernelForm form, float a, float b, Span<float> weights) => Map.Apply(form, new UniformOp(a, b), weights, weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Timed(KernelForm form, float l1, float l2, ReadOnlySpan<float> times, Span<float> weights)
    {
        KernelGuard.SameLength(weights.Length, times.Length, nameof(times));
        Map.Apply(form, new TimedOp(l1, l2), weights, times, weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Adaptive(
        KernelForm form, float rate, float l1, float l2, float delta, Span<float> weights, ReadOnlySpan<float> accumulators)
    {
        KernelGuard.SameLength(weights.Length, accumulators.Length, nameof(accumulators));
        if (l1 == 0f && l2 == 0f) return;
        Map.Apply(form, new AdaptiveOp(rate, l1, l2, delta), weights, accumulators, weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void AdaptiveInterleaved(KernelForm form, float rate, float l1, float l2, float delta, Span<float> entries)
    {
        KernelGuard.SameLength(entries.Length / 2 * 2, entries.Length, nameof(entries));
        if (l1 == 0f && l2 == 0f) return;
        var op = new AdaptiveOp(rate, l1, l2, delta);
        var done = form == KernelForm.Avx512 ? Pairs<Lane16>(op, entries) : form == KernelForm.Avx2 ? Pairs<Lane8>(op, entries) : 0;
        for (var i = done; i < entries.Length; i += 2) entries[i] = op.Invoke(entries[i], entries[i + 1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Pairs<T>(AdaptiveOp op, Span<float> entries)
        where T : struct, ILane<T>
    {
        ref float pairs = ref MemoryMarshal.GetReference(entries);
        var i = 0;
        for (; i <= entries.Length - 2 * T.Width; i += 2 * T.Width)
        {
            T.LoadInterleaved(ref pairs, i, out var w, out var r);
            T.StoreInterleaved(op.Invoke(w, r), r, ref pairs, i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Shrink(float w, float a, float b)
    {
        var v = MathF.FusedMultiplyAdd(MathF.Abs(w), a, -b);
        return w == 0f ? w : MathF.CopySign(v < 0f ? 0f : v, w);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Shrink<T>(T w, T a, T b)
        where T : struct, ILane<T>
    {
        var sign = T.And(w, T.AllBits(int.MinValue));
        var v = T.Fma(T.And(w, T.AllBits(int.MaxValue)), a, T.All(0f) - b);
        v = T.And(T.Select(T.Less(v, T.All(0f)), T.All(0f), v), T.AllBits(int.MaxValue));
        return T.Select(T.Equal(w, T.All(0f)), w, T.Or(v, sign));
    }

    private readonly struct UniformOp(float a, float b) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => Shrink(x, a, b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T> => Shrink(x, T.All(a), T.All(b));
    }

    private readonly struct TimedOp(float l1, float l2) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => Decay(l1, l2, y, x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T>
        {
            var a = VectorMath.Exp(T.All(-l2) * y);
            var b = Amount(l1, l2, y, a);
            return Shrink(x, a, b);
        }
    }

    private readonly struct AdaptiveOp(float rate, float l1, float l2, float delta) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y)
        {
            var time = rate / (delta + MathF.Sqrt(y));
            (float a, float b) = Factors(l1, l2, time);
            return Shrink(x, a, b);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T>
        {
            var time = T.All(rate) / (T.All(delta) + T.Sqrt(y));
            var a = VectorMath.Exp(T.All(-l2) * time);
            var b = Amount(l1, l2, time, a);
            return Shrink(x, a, b);
        }
    }
}
