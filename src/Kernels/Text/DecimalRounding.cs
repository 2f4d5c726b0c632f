using System.Runtime.CompilerServices;

namespace DistSgd.Kernels.Text;

/// <summary>Rounds a decimal number to the nearest float32 through one double operation, where that can be proven to be exact.</summary>
/// <remarks>
/// With x the true value and q the double computed for it, at most three roundings happen (mantissa to double, power of ten to double, the
/// multiplication or division), each of relative size 2⁻⁵³ at most, and a mantissa cut after 19 digits adds 10⁻¹⁸: q is within 4 units in its last
/// place of x. Float32 rounding of x and q can differ only if a midpoint between two neighbouring floats lies between them or on one of them.
/// In float32's normal range such midpoints are the doubles whose low 29 bits are exactly 2²⁸. So if q's low 29 bits are more than
/// 8 away from 2²⁸, the rounding of q is the rounding of x. Otherwise (16 in 2²⁹ of random numbers; exact ties) the answer is refused, and float.Parse decides:
/// so text is always read as float.Parse reads it. (In .NET 10 that itself rounds twice, by way of a double, for up to 15 digits: beside a midpoint it can be off by one unit.)
/// </remarks>
public static class DecimalRounding
{
    /// <summary>Largest power of ten that <see cref="TryRound"/> takes in either direction.</summary>
    public const int MaxPowerOfTen = 60;

    internal const uint LowBitsMask = (1u << 29) - 1;
    internal const uint UnsafeFrom = (1u << 28) - 8;
    internal const uint UnsafeSpan = 16;

    private const double SmallestSafe = 1.2e-38; // above the smallest normal float32, 2⁻¹²⁶
    private const double LargestSafe = 3.4e38; // below the largest float32

    /// <summary>10⁰ to 10⁶⁰, each the nearest double (exact up to 10²²).</summary>
    internal static ReadOnlySpan<double> PowersOfTen =>
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24,
        1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47,
        1e48, 1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60,
    ];

    /// <summary>Rounds <paramref name="mantissa"/> · 10^<paramref name="exponent"/> to float32, to nearest, ties to even.</summary>
    /// <param name="mantissa">Up to 19 significant digits; if more were cut off behind a mantissa of 19 digits, the result still holds.</param>
    /// <param name="exponent">Power of ten.</param>
    /// <param name="result">The float32, if the answer is true.</param>
    /// <returns>False if this way cannot prove the rounding right; then a slower exact conversion must decide.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryRound(ulong mantissa, int exponent, out float result)
    {
        result = 0;
        if (mantissa == 0) return true;
        if (exponent is < -MaxPowerOfTen or > MaxPowerOfTen) return false;
        double quotient = exponent < 0 ? mantissa / PowersOfTen[-exponent] : mantissa * PowersOfTen[exponent];
        if (quotient is < SmallestSafe or > LargestSafe || IsNearMidpoint(quotient)) return false;
        result = (float)quotient;
        return true;
    }

    /// <summary>Whether a double in float32's normal range is so near a midpoint of two floats that its rounding is not proven.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsNearMidpoint(double quotient) =>
        (BitConverter.DoubleToUInt64Bits(quotient) & LowBitsMask) - UnsafeFrom <= UnsafeSpan;
}
