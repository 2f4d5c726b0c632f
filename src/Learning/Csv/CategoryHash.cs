using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace DistSgd.Learning.Csv;

/// <summary>
/// The hash of a category: 64-bit FNV-1a over the column's name, a zero byte and the category's bytes, begun at FNV's offset basis xor the seed, then mixed as SplitMix64 does. Its feature is
/// the upper HashBits bits. It depends on names and texts only, so that the order of columns and rows doesn't matter.
/// </summary>
internal static class CategoryHash
{
    private const ulong Basis = 0xCBF29CE484222325;
    private const ulong Prime = 0x100000001B3;
    private const int WordBytes = sizeof(ulong);

    /// <summary>The state after the column's name: where the hash of each of its categories begins.</summary>
    public static ulong Begin(string column, ulong seed) => Add(Add(Basis ^ seed, Encoding.UTF8.GetBytes(column)), [0]);

    public static ulong Of(ulong begin, ReadOnlySpan<byte> category)
    {
        return Mixed(Add(begin, category));
    }

    /// <summary>
    /// The hash of a category in its usual form (no quotes or blanks around it, and surely not missing) and its length, in one look at each byte.
    /// </summary>
    /// <param name="begin">Where the column's hashes begin.</param>
    /// <param name="text">From the field's first byte on; a separator or line end follows somewhere.</param>
    /// <param name="separator">Ends the field, as a line end does.</param>
    /// <param name="hash">The hash.</param>
    /// <returns>The field's length; 0: it is the caller's to read.</returns>
    public static int Field(ulong begin, ReadOnlySpan<byte> text, byte separator, out ulong hash)
    {
        int length = Length(text, separator);
        ulong state = length <= WordBytes && text.Length >= WordBytes ? OfWord(begin, BinaryPrimitives.ReadUInt64LittleEndian(text), length) : Add(begin, text[..length]);
        hash = Mixed(state);
        // Words for missing values have up to four letters and begin with n, N or ?.
        bool isUsual = length > 0 && text[0] is not ((byte)'"' or (byte)' ' or (byte)'\t') && text[length - 1] is not ((byte)' ' or (byte)'\t') && (length > 4 || text[0] is not ((byte)'?' or (byte)'n' or (byte)'N'));
        return isUsual ? length : 0;
    }

    private static int Length(ReadOnlySpan<byte> text, byte separator)
    {
        if (text.Length >= Vector128<byte>.Count)
        {
            var characters = Vector128.Create(text);
            var ends = Vector128.Equals(characters, Vector128.Create(separator)) | Vector128.Equals(characters, Vector128.Create((byte)'\n')) | Vector128.Equals(characters, Vector128.Create((byte)'\r'));
            uint mask = ends.ExtractMostSignificantBits();
            if (mask != 0) return BitOperations.TrailingZeroCount(mask);
        }
        int length = text.IndexOfAny(separator, (byte)'\n', (byte)'\r');
        return length < 0 ? text.Length : length;
    }

    // The states behind all eight bytes, of which one is taken: lengths differ from field to field, and a loop's end could not be guessed.
    private static ulong OfWord(ulong begin, ulong word, int length)
    {
        States states = default;
        ulong state = states[0] = begin;
        for (int i = 0; i < WordBytes; i++)
        {
            state = (state ^ (byte)word) * Prime;
            states[i + 1] = state;
            word >>= 8;
        }
        return states[length];
    }

    [InlineArray(WordBytes + 1)]
    private struct States
    {
        private ulong _first;
    }

    private static ulong Mixed(ulong state)
    {
        ulong z = state + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static ulong Add(ulong state, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes) state = (state ^ value) * Prime;
        return state;
    }
}
