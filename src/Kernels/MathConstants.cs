namespace DistSgd.Kernels;

/// <summary>
/// Numbers of <see cref="ScalarMath"/> and the vector forms. Each decimal rounds to exactly one float32. The polynomials are
/// Chebyshev fits (computed at 200 bits) of q(r) = (e^r − 1 − r)/r² on |r| ≤ ln2/2 and of
/// q(f) = (ln(1+f) − f + f²/2)/f³ on √½ − 1 ≤ f ≤ √2 − 1, and of q(s) = (tanh(√s)/√s − 1)/s on 0 ≤ s ≤ 0.36, rounded to float32.
/// </summary>
internal static class MathConstants
{
    public const float Log2E = 1.44269502f;
    public const float Ln2High = 0.693145752f; // 15 leading bits of ln 2: n·Ln2High is exact for |n| < 512
    public const float Ln2Low = 1.42860677e-06f;
    public const float Ln2 = 0.693147182f;
    public const float Ln2Tail = -1.90465421e-09f; // ln 2 − Ln2
    public const float Magic = 12582912f; // 1.5·2^23: adding it rounds to an integer kept in the low bits
    public const int MagicBits = 0x4B400000;

    public const float ExpMin = -104f; // below, e^x rounds to 0
    public const float ExpMax = 89f; // above, e^x overflows
    public const float ExpPlain = 40f; // where |x| is below, r·r·2^k keeps all its bits
    public const float E2 = 0.5f;
    public const float E3 = 0.166665763f;
    public const float E4 = 0.0416665561f;
    public const float E5 = 0.00836319011f;
    public const float E6 = 0.0013926198f;

    public const float TanhSmall = 0.6f; // below, the odd polynomial
    public const float T3 = -0.333333313f;
    public const float T5 = 0.133329242f;
    public const float T7 = -0.0538751371f;
    public const float T9 = 0.0211162157f;
    public const float T11 = -0.00627639005f;

    public const int SqrtHalfBits = 0x3F3504F3;
    public const float SmallestNormal = 1.17549435e-38f;
    public const float TwoTo23 = 8388608f;
    public const float L3 = 0.333333313f;
    public const float L4 = -0.24999997f;
    public const float L5 = 0.200007156f;
    public const float L6 = -0.166678026f;
    public const float L7 = 0.142490566f;
    public const float L8 = -0.124256857f;
    public const float L9 = 0.116854236f;
    public const float L10 = -0.114797488f;
    public const float L11 = 0.0697162077f;
}
