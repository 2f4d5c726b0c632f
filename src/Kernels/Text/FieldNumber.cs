using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels.Text;

/// <summary>Reads a number at the beginning of a field of separated text: the usual form only, without blanks, quotes or exponent; <see cref="DecimalText"/> is its careful twin.</summary>
public static class FieldNumber
{
    private const int DigitsMax = 18; // 10¹⁸ − 1 < 2⁶³
    private const uint ExactIntegerMax = 1 << 24; // whole numbers up to it are floats

    /// <summary>Reads <c>[-] digits [. digits]</c> up to the field's end.</summary>
    /// <param name="text">From the field's first byte on; a line feed must stand somewhere in it, which is the bound of what is read.</param>
    /// <param name="separator">What ends a field besides a line feed or carriage return; no digit, point or hyphen.</param>
    /// <param name="value">The float32 nearest to the number.</param>
    /// <returns>The field's length; 0: it is empty, or not such a number, and the caller's to read.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read(ReadOnlySpan<byte> text, byte separator, out float value)
    {
        ref byte first = ref MemoryMarshal.GetReference(text);
        value = 0;
        bool negative = first == '-';
        int at = negative ? 1 : 0;
        int digitsFrom = at;
        ulong mantissa = 0;
        uint digit;
        while ((digit = (uint)Unsafe.Add(ref first, at) - '0') <= 9)
        {
            mantissa = (mantissa * 10) + digit;
            at++;
        }
        int digits = at - digitsFrom;
        int decimals = 0;
        if (Unsafe.Add(ref first, at) == '.')
        {
            int from = ++at;
            while ((digit = (uint)Unsafe.Add(ref first, at) - '0') <= 9)
            {
                mantissa = (mantissa * 10) + digit;
                at++;
            }
            decimals = at - from;
        }
        byte end = Unsafe.Add(ref first, at);
        if (end != separator && end != '\n' && end != '\r') return 0;
        if ((uint)(digits + decimals - 1) >= DigitsMax) return 0;
        if (decimals == 0 && mantissa <= ExactIntegerMax) value = mantissa;
        else if (!DecimalRounding.TryRound(mantissa, -decimals, out value)) return 0;
        if (negative) value = -value;
        return at;
    }
}
