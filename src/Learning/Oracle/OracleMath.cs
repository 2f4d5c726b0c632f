using static System.MathF;

namespace DistSgd.Learning.Oracle;

/// <summary>
/// What the kernels compute, spelled out a second time in plain scalar code, so that a slip in either shows as a difference.
/// </summary>
internal static class OracleMath
{
    /// <summary>e^x by reduction to [−ln2/2, ln2/2] and a polynomial of degree 6.</summary>
    public static float Exp(float x)
    {
        if (float.IsNaN(x))
            return x;
        if (x < -104f)
            x = -104f;
        if (x > 89f)
            x = 89f;
        // Adding 1.5·2^23 rounds to an integer, which then stands in the low bits.
        float shifted = FusedMultiplyAdd(x, 1.44269502f, 12582912f);
        int k = BitConverter.SingleToInt32Bits(shifted) - 0x4B400000;
        float n = shifted - 12582912f;
        // The polynomial is taken of the remainder by ln2 as a float; what that float lacks joins where it counts.
        float coarse = FusedMultiplyAdd(n, -0.693147182f, x);
        float fine = FusedMultiplyAdd(n, 1.90465421e-09f, coarse);
        float p = Polynomial(coarse, fine * fine, 1f + fine);
        // Two factors, since 2^k alone may overflow or be subnormal.
        return p * ScaleB(1f, k >> 1) * ScaleB(1f, k - (k >> 1));
    }

    // The sum of the first two terms and the others, of degrees 2 to 6.
    private static float Polynomial(float x, float outer, float first)
    {
        float square = x * x;
        float low = FusedMultiplyAdd(0.166665763f, x, 0.5f);
        float high = FusedMultiplyAdd(0.0013926198f, square, FusedMultiplyAdd(0.00836319011f, x, 0.0416665561f));
        return FusedMultiplyAdd(FusedMultiplyAdd(high, square, low), outer, first);
    }

    /// <summary>1 − e^(−y) for y ≥ 0.</summary>
    public static float OneMinusExp(float y) => y < 0.25f ? y * DecaySeries(y) : 1f - Exp(0f - y);

    /// <summary>e^(−y) for y ≥ 0.</summary>
    public static float Decay(float y)
    {
        if (y < 1f / 256f)
            return FusedMultiplyAdd(FusedMultiplyAdd(0.5f, y, -1f), y, 1f);
        if (!(y < 87f))
            return 0;
        float n = FusedMultiplyAdd(y, -1.44269502f, 12582912f) - 12582912f;
        float h = FusedMultiplyAdd(n, -0.693147182f, 0f - y);
        return ScaleB(Polynomial(h, h * h, 1f + h), (int)n);
    }

    /// <summary>(1 − e^(−y))/y by its series up to y⁵.</summary>
    public static float DecaySeries(float y)
    {
        float series = -1f / 720f;
        foreach (float next in (ReadOnlySpan<float>)[1f / 120f, -1f / 24f, 1f / 6f, -0.5f, 1f])
            series = FusedMultiplyAdd(series, y, next);
        return series;
    }

    /// <summary>1/(1+e^(−x)).</summary>
    public static float Sigmoid(float x)
    {
        float e = Exp(-Abs(x));
        return x < 0 ? e / (1f + e) : 1f / (1f + e);
    }

    /// <summary>
    /// Σ w[index]·value over a row: non-zero i goes to partial sum i mod 4 by a fused multiply-add; the sums are folded (0+1)+(2+3).
    /// </summary>
    public static float Dot(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, Func<uint, float> weight)
    {
        Span<float> partial = stackalloc float[4];
        partial.Clear();
        for (int i = 0; i < indices.Length; i++)
            partial[i % 4] = FusedMultiplyAdd(weight(indices[i]), values[i], partial[i % 4]);
        return (partial[0] + partial[1]) + (partial[2] + partial[3]);
    }

    /// <summary>
    /// The flow of λ₁|w| + λ₂w²/2 over the time t: |w|·e^(−λ₂t) less what L1 takes off, stopping at 0 and keeping the sign.
    /// </summary>
    public static float Shrink(float w, float factor, float taken)
    {
        if (w == 0)
            return w;
        float left = FusedMultiplyAdd(Abs(w), factor, -taken);
        return CopySign(left < 0 ? 0 : left, w);
    }
}
