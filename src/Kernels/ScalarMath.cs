using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static System.BitConverter;
using static System.MathF;
using static DistSgd.Kernels.MathConstants;

namespace DistSgd.Kernels;

/// <summary>
/// exp, log, log1p, the logistic sigmoid and tanh of one float32: pure functions of their bits on every machine. The vector forms
/// (<see cref="VectorExp"/>, <see cref="VectorLog"/>, <see cref="VectorLog1p"/>, <see cref="VectorSigmoid"/>, <see cref="VectorTanh"/>) give the same
/// bits. fma(a, b, c) is a·b + c rounded once; every other operation rounds to float32. NaN goes in and comes out unchanged.
/// </summary>
public static class ScalarMath
{
    /// <summary>
    /// e^x, within 1.4 ulp. −∞ → 0, +∞ → +∞, above 88.7228394 → +∞, below −103.972084 → 0.
    /// <code>
    /// c = x &lt; −104 ? −104 : x;  c = 89 &lt; c ? 89 : c
    /// z = fma(c, 1.44269502, 12582912);  k = bits(z) − 0x4B400000;  n = z − 12582912
    /// h = fma(n, −0.693147182, c);  r = fma(n, 1.90465421e-09, h);  s = h·h
    /// b = fma(0.0013926198, s, fma(0.00836319011, h, 0.0416665561))
    /// q = fma(b, s, fma(0.166665763, h, 0.5))
    /// p = fma(q, r·r, 1 + r)
    /// i = k &gt;&gt; 1 (arithmetic);  result = (p · 2^i) · 2^(k−i)
    /// </code>
    /// </summary>
    /// <remarks>The steps of a training wait for it, so that the sums are paired to depend on each other as little as possible.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Exp(float x) => Abs(x) < ExpPlain ? ExpOfPlain(x) : ExpOfExtreme(x);

    // k lies in −58…58, so that scaling by 2^k is exact and need not come last. k stands at the low end of z.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ExpOfPlain(float x)
    {
        var z = FusedMultiplyAdd(x, Log2E, Magic);
        var power = (Vector128.ShiftLeft(Vector128.CreateScalarUnsafe(z).AsInt32(), 23) + Vector128.CreateScalarUnsafe(1f).AsInt32()).AsSingle().ToScalar();
        return ExpOfReduced(x, z - Magic, power);
    }

    private static float ExpOfExtreme(float x)
    {
        if (float.IsNaN(x)) return x;
        var c = x < ExpMin ? ExpMin : x;
        c = ExpMax < c ? ExpMax : c;
        var z = FusedMultiplyAdd(c, Log2E, Magic);
        var k = SingleToInt32Bits(z) - MagicBits;
        var half = k >> 1;
        return ExpOfReduced(c, z - Magic, 1f) * PowerOfTwo(half) * PowerOfTwo(k - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ExpOfReduced(float c, float n, float power)
    {
        var h = FusedMultiplyAdd(n, -Ln2, c);
        var r = FusedMultiplyAdd(n, -Ln2Tail, h);
        var s = h * h;
        var b = FusedMultiplyAdd(E6, s, FusedMultiplyAdd(E5, h, E4));
        var q = FusedMultiplyAdd(b, s, FusedMultiplyAdd(E3, h, E2));
        return FusedMultiplyAdd(q, r * r * power, (1f + r) * power);
    }

    /// <summary>
    /// Natural logarithm, within 0.9 ulp. ±0 → −∞, +∞ → +∞, x &lt; 0 → <see cref="float.NaN"/>; subnormals are exact inputs.
    /// <code>
    /// e₀ = 0;  if x &lt; 1.17549435e-38: x = x · 8388608, e₀ = −23
    /// k = (bits(x) − 0x3F3504F3) &gt;&gt; 23 (arithmetic);  f = float(bits(x) − (k &lt;&lt; 23)) − 1;  e = k + e₀
    /// q = 0.0697162077;  q = fma(q, f, ·) for · = −0.114797488, 0.116854236, −0.124256857, 0.142490566,
    ///     −0.166678026, 0.200007156, −0.24999997, 0.333333313
    /// s = f·f;  y = fma(f·q, s, −0.5·s);  y = fma(e, 1.42860677e-06, y)
    /// result = fma(e, 0.693145752, f + y)
    /// </code>
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Log(float x)
    {
        if (!(x > 0f && x < float.PositiveInfinity)) return LogOfSpecial(x);
        var offset = 0f;
        if (x < SmallestNormal)
        {
            x *= TwoTo23;
            offset = -23f;
        }

        var bits = SingleToInt32Bits(x);
        var k = (bits - SqrtHalfBits) >> 23;
        var f = Int32BitsToSingle(bits - (k << 23)) - 1f;
        return LogOfReduced(f, k + offset, 0f);
    }

    /// <summary>
    /// ln(1 + x), within 2 ulp. ±0 → ±0, −1 → −∞, x &lt; −1 → <see cref="float.NaN"/>, +∞ → +∞.
    /// <code>
    /// u = 1 + x;  k = (bits(u) − 0x3F3504F3) &gt;&gt; 23 (arithmetic)
    /// if k = 0:  f = x, c = 0
    /// else:      f = float(bits(u) − (k &lt;&lt; 23)) − 1,  c = (x &lt; 1 ? x − (u − 1) : 1 − (u − x)) / u
    /// q, s as in Log;  y = fma(f·q, s, −0.5·s);  y = y + c;  y = fma(k, 1.42860677e-06, y)
    /// result = fma(k, 0.693145752, f + y)
    /// </code>
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Log1p(float x)
    {
        if (!(x > -1f && x < float.PositiveInfinity) || x == 0f) return Log1pOfSpecial(x);
        var u = 1f + x;
        var bits = SingleToInt32Bits(u);
        var k = (bits - SqrtHalfBits) >> 23;
        if (k == 0) return LogOfReduced(x, 0f, 0f);
        var f = Int32BitsToSingle(bits - (k << 23)) - 1f;
        var error = x < 1f ? x - (u - 1f) : 1f - (u - x);
        return LogOfReduced(f, k, error / u);
    }

    /// <summary>
    /// σ(x) = 1/(1 + e^−x), within 3 ulp. −∞ → 0, +∞ → 1.
    /// <code>e = Exp(−|x|);  result = (x &lt; 0 ? e : 1) / (1 + e)</code>
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sigmoid(float x)
    {
        if (float.IsNaN(x)) return x;
        var e = Exp(WithSignOf(-0f, x));
        return ChooseIfLess(x, 0f, e, 1f) / (1f + e);
    }

    /// <summary>
    /// d/df log(1 + e^(−yf)) = −y·σ(−y·f) for a label y = ±1: exactly the sign of −y given to σ(−y·f).
    /// </summary>
    /// <remarks>Which side of the boundary a row lies on is not to be guessed, so that nothing branches on it.</remarks>
    /// <param name="score">f; NaN gives NaN.</param>
    /// <param name="label">y, exactly 1 or −1.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LogisticDerivative(float score, float label)
    {
        var e = Exp(WithSignOf(-0f, score));
        return WithSignOf(-label, ChooseIfLess(0f, label * score, e, 1f)) / (1f + e);
    }

    // a < b ? yes : no, which would become a branch; only the lowest lane counts.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ChooseIfLess(float a, float b, float yes, float no) =>
        Vector128.ConditionalSelect(
            Vector128.LessThan(Vector128.CreateScalarUnsafe(a), Vector128.CreateScalarUnsafe(b)),
            Vector128.CreateScalarUnsafe(yes),
            Vector128.CreateScalarUnsafe(no)).ToScalar();

    // The sign of one number is added to those bits of the other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float WithSignOf(float sign, float magnitude) =>
        (Vector128.CreateScalarUnsafe(magnitude) | (Vector128.CreateScalarUnsafe(sign) & Vector128.CreateScalarUnsafe(-0f))).ToScalar();

    /// <summary>
    /// tanh x, within 3 ulp; ±0 → 0, ±∞ → ±1.
    /// <code>
    /// |x| &lt; 0.6:  s = x·x;  q = −0.00627639005;  q = fma(q, s, ·) for · = 0.0211162157, −0.0538751371, 0.133329242, −0.333333313
    ///              result = fma(x·s, q, x)
    /// else:        e = Exp(−|x + x|);  result = (1 − e)/(1 + e) with the sign of x
    /// </code>
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Tanh(float x)
    {
        if (float.IsNaN(x)) return x;
        if (Abs(x) < TanhSmall)
        {
            var s = x * x;
            var q = FusedMultiplyAdd(T11, s, T9);
            q = FusedMultiplyAdd(q, s, T7);
            q = FusedMultiplyAdd(q, s, T5);
            q = FusedMultiplyAdd(q, s, T3);
            return FusedMultiplyAdd(x * s, q, x);
        }

        var e = Exp(-Abs(x + x));
        var magnitude = (1f - e) / (1f + e);
        return x < 0f ? -magnitude : magnitude;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float PowerOfTwo(int exponent) => Int32BitsToSingle((exponent + 127) << 23);

    // Adding c = +0 in Log changes nothing: y is then −0 only where f = 0, and fma(0, Ln2Low, ±0) = +0 either way.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LogOfReduced(float f, float exponent, float c)
    {
        var q = FusedMultiplyAdd(L11, f, L10);
        q = FusedMultiplyAdd(q, f, L9);
        q = FusedMultiplyAdd(q, f, L8);
        q = FusedMultiplyAdd(q, f, L7);
        q = FusedMultiplyAdd(q, f, L6);
        q = FusedMultiplyAdd(q, f, L5);
        q = FusedMultiplyAdd(q, f, L4);
        q = FusedMultiplyAdd(q, f, L3);
        var s = f * f;
        var y = FusedMultiplyAdd(f * q, s, -0.5f * s) + c;
        y = FusedMultiplyAdd(exponent, Ln2Low, y);
        return FusedMultiplyAdd(exponent, Ln2High, f + y);
    }

    private static float LogOfSpecial(float x) =>
        x == 0f ? float.NegativeInfinity : x < 0f ? float.NaN : x;

    private static float Log1pOfSpecial(float x) =>
        x == -1f ? float.NegativeInfinity : x < -1f ? float.NaN : x;
}
