using System.Globalization;
using System.Runtime.CompilerServices;

namespace DistSgd.Kernels.Text;

/// <summary>Parses one decimal number, <c>[+-] digits [. digits] [e [+-] digits]</c>, to the float32 that <c>float.Parse</c> gives.</summary>
public static class DecimalText
{
    private const int MaxExactDigits = 19; // 10¹⁹ − 1 < 2⁶⁴
    private const uint ExactIntegerMax = 1 << 24; // whole numbers up to it are floats
    private const int ExponentBound = 100_000; // larger ones change nothing: such a number is 0 or infinite

    /// <summary>Parses all of <paramref name="token"/>.</summary>
    /// <param name="token">The number and nothing else: no blanks, no NaN, no infinity.</param>
    /// <param name="value">The float32; infinite if the number is too large for one.</param>
    /// <returns>False if the token is not such a number.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryParse(ReadOnlySpan<byte> token, out float value)
    {
        value = 0;
        int at = 0;
        bool negative = token.Length > 0 && token[0] == '-';
        if (negative || (token.Length > 0 && token[0] == '+')) at = 1;

        ulong mantissa = 0;
        int digits = 0;
        int significant = 0;
        int exponent = 0;
        bool afterPoint = false;
        for (; at < token.Length; at++)
        {
            uint digit = (uint)token[at] - '0';
            if (digit > 9)
            {
                if (token[at] != '.' || afterPoint) break;
                afterPoint = true;
                continue;
            }
            digits++;
            if (significant < MaxExactDigits)
            {
                mantissa = (mantissa * 10) + digit;
                if (mantissa != 0) significant++;
                if (afterPoint) exponent--;
            }
            else if (!afterPoint)
            {
                exponent++;
            }
        }
        if (digits == 0) return false;
        if (at < token.Length)
        {
            if ((token[at] | 0x20) != 'e' || !TryExponent(token[(at + 1)..], out int written)) return false;
            exponent += written;
        }
        if (exponent == 0 && mantissa <= ExactIntegerMax) value = mantissa;
        else if (!DecimalRounding.TryRound(mantissa, exponent, out value)) return float.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
        if (negative) value = -value;
        return true;
    }

    private static bool TryExponent(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        bool negative = text.Length > 0 && text[0] == '-';
        if (text.Length > 0 && text[0] is (byte)'-' or (byte)'+') text = text[1..];
        foreach (byte character in text)
        {
            uint digit = (uint)character - '0';
            if (digit > 9) return false;
            if (value < ExponentBound) value = (value * 10) + (int)digit;
        }
        if (negative) value = -value;
        return text.Length > 0;
    }
}
