using System.Runtime.CompilerServices;
using static DistSgd.Kernels.MathConstants;

namespace DistSgd.Kernels;

/// <summary>
/// The operation sequences documented on <see cref="ScalarMath"/>, lane by lane; branches become selections of the same
/// values.
/// </summary>
public static class VectorMath
{
    internal const float SmallDecay = 0.25f;
    private const float TinyDecay = 1f / 256f;
    private const float DecayMax = 87f;
    private const float Faded = 1e-30f;

    /// <summary>e^x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : struct, ILane<T>
    {
        var c = T.SelectLess(x, T.All(ExpMin), T.All(ExpMin), x);
        c = T.SelectLess(T.All(ExpMax), c, T.All(ExpMax), c);
        var z = T.Fma(c, T.All(Log2E), T.All(Magic));
        var k = T.SubtractBits(z, T.AllBits(MagicBits));
        var n = z - T.All(Magic);
        var h = T.Fma(n, T.All(-Ln2), c);
        var r = T.Fma(n, T.All(-Ln2Tail), h);
        var s = h * h;
        var b = T.Fma(T.All(E6), s, T.Fma(T.All(E5), h, T.All(E4)));
        var q = T.Fma(b, s, T.Fma(T.All(E3), h, T.All(E2)));
        var p = T.Fma(q, r * r, T.All(1f) + r);
        var half = T.ShiftRight(k, 1);
        var result = p * PowerOfTwo(half) * PowerOfTwo(T.SubtractBits(k, half));
        return T.Select(T.Equal(x, x), result, x);
    }

    /// <summary>
    /// x, and 0 where |x| is below 1e-30: averages that fade would else end as subnormal numbers, with which a processor computes several times slower.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T DropFaded<T>(T x)
        where T : struct, ILane<T> => T.SelectLess(T.And(x, T.AllBits(int.MaxValue)), T.All(Faded), T.All(0f), x);

    /// <summary>1 − e^(−y) for y ≥ 0, without what the difference would lose where y is small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T OneMinusExp<T>(T y)
        where T : struct, ILane<T> =>
        T.SelectLess(y, T.All(SmallDecay), y * DecaySeries(y), T.All(1f) - Exp(T.All(0f) - y));

    /// <summary>The same of one number.</summary>
    public static float OneMinusExp(float y) => OneMinusExp(new Lane1(y)).Value;

    /// <summary>
    /// e^(−y) for y ≥ 0, within 3e-7 of it, and 0 from 87 on; half the work of <see cref="Exp"/>, and much less where y is as small as what one step of a regulariser takes off:
    /// <code>
    /// y &lt; 1/256:  result = fma(fma(½, y, −1), y, 1)   (the next term is less than half a place)
    /// else:  z = fma(y, −log₂e, magic);  n = z − magic;  h = fma(n, −ln 2, 0 − y);  p = Exp's polynomial in h;  result = y &lt; 87 ? p·2ⁿ : 0
    /// </code>
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Decay<T>(T y)
        where T : struct, ILane<T>
    {
        var near = T.Fma(T.Fma(T.All(0.5f), y, T.All(-1f)), y, T.All(1f));
        if (T.AllLess(y, T.All(TinyDecay))) return near;
        var z = T.Fma(y, T.All(-Log2E), T.All(Magic));
        var h = T.Fma(z - T.All(Magic), T.All(-Ln2), T.All(0f) - y);
        var s = h * h;
        var b = T.Fma(T.All(E6), s, T.Fma(T.All(E5), h, T.All(E4)));
        var p = T.Fma(T.Fma(b, s, T.Fma(T.All(E3), h, T.All(E2))), s, T.All(1f) + h);
        // The low bits of z are n; those of the magic number leave with the shift.
        var far = T.And(T.Less(y, T.All(DecayMax)), T.AddBits(p, T.ShiftLeft(z, 23)));
        return T.SelectLess(y, T.All(TinyDecay), near, far);
    }

    // (1 − e^(−y))/y up to y⁵.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T DecaySeries<T>(T y)
        where T : struct, ILane<T>
    {
        var p = T.Fma(T.All(-1f / 720f), y, T.All(1f / 120f));
        p = T.Fma(p, y, T.All(-1f / 24f));
        p = T.Fma(p, y, T.All(1f / 6f));
        p = T.Fma(p, y, T.All(-0.5f));
        return T.Fma(p, y, T.All(1f));
    }

    /// <summary>ln x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x)
        where T : struct, ILane<T>
    {
        var small = T.Less(x, T.All(SmallestNormal));
        var scaled = T.Select(small, x * T.All(TwoTo23), x);
        var k = T.ShiftRight(T.SubtractBits(scaled, T.AllBits(SqrtHalfBits)), 23);
        var f = T.SubtractBits(scaled, T.ShiftLeft(k, 23)) - T.All(1f);
        var e = T.FromInteger(k) + T.And(small, T.All(-23f));
        var result = LogOfReduced(f, e, T.All(0f));
        result = T.SelectLess(x, T.All(float.PositiveInfinity), result, x);
        result = T.SelectLess(x, T.All(0f), T.All(float.NaN), result);
        return T.Select(T.Equal(x, T.All(0f)), T.All(float.NegativeInfinity), result);
    }

    /// <summary>ln(1 + x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log1p<T>(T x)
        where T : struct, ILane<T>
    {
        var one = T.All(1f);
        var u = one + x;
        var k = T.ShiftRight(T.SubtractBits(u, T.AllBits(SqrtHalfBits)), 23);
        var e = T.FromInteger(k);
        var near = T.Equal(e, T.All(0f));
        var f = T.Select(near, x, T.SubtractBits(u, T.ShiftLeft(k, 23)) - one);
        var error = T.SelectLess(x, one, x - (u - one), one - (u - x));
        var c = T.Select(near, T.All(0f), error / u);
        var result = LogOfReduced(f, e, c);
        result = T.SelectLess(x, T.All(float.PositiveInfinity), result, x);
        result = T.Select(T.Equal(x, T.All(0f)), x, result);
        result = T.SelectLess(x, T.All(-1f), T.All(float.NaN), result);
        return T.Select(T.Equal(x, T.All(-1f)), T.All(float.NegativeInfinity), result);
    }

    /// <summary>1/(1 + e^(−x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x)
        where T : struct, ILane<T>
    {
        var e = Exp(T.Or(x, T.AllBits(int.MinValue)));
        var one = T.All(1f);
        var result = T.SelectLess(x, T.All(0f), e, one) / (one + e);
        return T.Select(T.Equal(x, x), result, x);
    }

    /// <summary>tanh x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x)
        where T : struct, ILane<T>
    {
        var sign = T.And(x, T.AllBits(int.MinValue));
        var s = x * x;
        var q = T.Fma(T.All(T11), s, T.All(T9));
        q = T.Fma(q, s, T.All(T7));
        q = T.Fma(q, s, T.All(T5));
        q = T.Fma(q, s, T.All(T3));
        var near = T.Fma(x * s, q, x);
        var e = Exp(T.Or(x + x, T.AllBits(int.MinValue)));
        var one = T.All(1f);
        var far = T.Or((one - e) / (one + e), sign);
        var magnitude = T.And(x, T.AllBits(int.MaxValue));
        var result = T.SelectLess(magnitude, T.All(TanhSmall), near, far);
        return T.Select(T.Equal(x, x), result, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T PowerOfTwo<T>(T exponent)
        where T : struct, ILane<T> =>
        T.ShiftLeft(T.AddBits(exponent, T.AllBits(127)), 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T LogOfReduced<T>(T f, T exponent, T c)
        where T : struct, ILane<T>
    {
        var q = T.Fma(T.All(L11), f, T.All(L10));
        q = T.Fma(q, f, T.All(L9));
        q = T.Fma(q, f, T.All(L8));
        q = T.Fma(q, f, T.All(L7));
        q = T.Fma(q, f, T.All(L6));
        q = T.Fma(q, f, T.All(L5));
        q = T.Fma(q, f, T.All(L4));
        q = T.Fma(q, f, T.All(L3));
        var s = f * f;
        var y = T.Fma(f * q, s, T.All(-0.5f) * s) + c;
        y = T.Fma(exponent, T.All(Ln2Low), y);
        return T.Fma(exponent, T.All(Ln2High), f + y);
    }
}
