using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels.Text;

/// <summary>Reads a number at the beginning of a field of separated text: the usual form only, without blanks, quotes or exponent; <see cref="DecimalText"/> is its careful twin.</summary>
/// <remarks>
/// A field of at most 15 characters behind its sign is read without a branch that depends on its digits: its end and its point are found in one vector, a shuffle drops the point and moves the digits to the
/// right, two multiply-adds, a pack and one more join them to two numbers of eight digits. A character that is no digit shows up as one above 9.
/// </remarks>
public static class FieldNumber
{
    private const int DigitsMax = 18; // 10¹⁸ − 1 < 2⁶³
    private const uint ExactIntegerMax = 1 << 24; // whole numbers up to it are floats
    private const int LaneBytes = 16;

    // For a field of L characters behind its sign with its point at p (p = L: none), entry 16·L + p.
    private static readonly byte[] Shuffles = BuildShuffles();

    // For d = L − p: what to divide by, 1 for 0 (no point), else 10^(d − 1); behind them the same, negative.
    private static readonly double[] Divisors = [.. ((double[])[1, -1]).SelectMany(sign => Enumerable.Range(0, LaneBytes).Select(d => sign * DecimalRounding.PowersOfTen[Math.Max(0, d - 1)]))];

    /// <summary>Reads <c>[-] digits [. digits]</c> up to the field's end.</summary>
    /// <param name="text">From the field's first byte on; a line feed must stand somewhere in it, which is the bound of what is read.</param>
    /// <param name="separator">What ends a field besides a line feed or carriage return; no digit, point or hyphen.</param>
    /// <param name="value">The float32 nearest to the number.</param>
    /// <returns>The field's length; 0: it is empty, or not such a number, and the caller's to read.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read(ReadOnlySpan<byte> text, byte separator, out float value)
    {
        int length = Sse41.IsSupported && text.Length > LaneBytes ? ReadLanes(ref MemoryMarshal.GetReference(text), separator, out value) : Unread(out value);
        return length > 0 ? length : ReadDigits(text, separator, out value);
    }

    /// <summary>As <see cref="Read"/>, of at most 15 characters behind the sign; 17 bytes are read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int ReadLanes(ref byte first, byte separator, out float value)
    {
        value = 0;
        int negative = first == '-' ? 1 : 0;
        var characters = Vector128.LoadUnsafe(ref first, (nuint)negative);
        var ends = Vector128.Equals(characters, Vector128.Create(separator)) | Vector128.Equals(characters, Vector128.Create((byte)'\n')) | Vector128.Equals(characters, Vector128.Create((byte)'\r'));
        int length = BitOperations.TrailingZeroCount(ends.ExtractMostSignificantBits() | (1u << LaneBytes));
        if (length == LaneBytes) return 0;
        uint points = Vector128.Equals(characters, Vector128.Create((byte)'.')).ExtractMostSignificantBits();
        int point = BitOperations.TrailingZeroCount(points | (1u << length));
        var shuffle = Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(Shuffles), (nuint)(((length * LaneBytes) + point) * LaneBytes));
        var digits = Ssse3.Shuffle(characters - Vector128.Create((byte)'0'), shuffle);
        if (Vector128.GreaterThanAny(digits, Vector128.Create((byte)9))) return 0;
        var pairs = Ssse3.MultiplyAddAdjacent(digits, Vector128.Create((short)0x010A).AsSByte());
        var fours = Sse2.MultiplyAddAdjacent(pairs, Vector128.Create(0x00010064).AsInt16());
        var packed = Sse41.PackUnsignedSaturate(fours, fours);
        ulong eights = Sse2.MultiplyAddAdjacent(packed.AsInt16(), Vector128.Create(0x00012710).AsInt16()).AsUInt64().ToScalar();
        long mantissa = (uint)eights * 100_000_000L + (long)(eights >> 32);
        double quotient = mantissa / Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Divisors), (negative * LaneBytes) + length - point);
        if (DecimalRounding.IsNearMidpoint(quotient)) return 0;
        value = (float)quotient;
        return length + negative;
    }

    /// <summary>As <see cref="Read"/>, character by character.</summary>
    internal static int ReadDigits(ReadOnlySpan<byte> text, byte separator, out float value)
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

    private static int Unread(out float value)
    {
        value = 0;
        return 0;
    }

    private static byte[] BuildShuffles()
    {
        const byte zero = 0x80;
        var shuffles = new byte[LaneBytes * LaneBytes * LaneBytes];
        for (int length = 0; length < LaneBytes; length++)
        {
            for (int point = 0; point <= length; point++)
            {
                int digits = length - (point < length ? 1 : 0);
                Span<byte> shuffle = shuffles.AsSpan(((length * LaneBytes) + point) * LaneBytes, LaneBytes);
                for (int lane = 0; lane < LaneBytes; lane++)
                {
                    int digit = lane - LaneBytes + digits;
                    shuffle[lane] = digit < 0 ? zero : (byte)(digit >= point ? digit + 1 : digit);
                }
                // Without digits, what stands there (the point, or what ends the field) is none.
                if (digits == 0) shuffle[LaneBytes - 1] = 0;
            }
        }
        return shuffles;
    }
}
