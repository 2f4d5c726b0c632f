using System.Buffers.Binary;
using System.Numerics;

namespace DistSgd.Shared.Wire;

/// <summary>
/// Ascending keys as gaps. A gap is a key less its predecessor less 1 (the first key's predecessor is −1). Gaps come in blocks of 128, the
/// last perhaps shorter; a block is one byte and then its gaps, in whichever form is shorter: the byte is a width w of 0 to 32 and each gap
/// takes w bits, lowest bits first, the last byte filled up with zeros; or the byte is 255 and the gaps are base-128 varints.
/// </summary>
/// <remarks>
/// Random keys of which one in d is in the set take at most a byte each up to d = 32, two bytes up to about d = 8,000. No code can keep
/// random keys within a byte beyond d = 94, since log₂(e·d) bits are their information.
/// </remarks>
public static class KeyCoding
{
    /// <summary>Keys a block.</summary>
    public const int BlockKeys = 128;

    private const byte VarintForm = 255;
    private const int WidthMax = 32;
    private const int VarintBytesMax = 5;

    // The last gaps of a block, less than a word and a gap, and a word's room behind them.
    private const int TailBytes = 32;

    /// <summary>Most bytes that so many keys can take.</summary>
    public static int BytesMax(int keys) => checked(keys * sizeof(uint) + (keys + BlockKeys - 1) / BlockKeys);

    /// <summary>Writes keys; returns the number of bytes.</summary>
    /// <param name="keys">Strictly ascending, none below <paramref name="first"/>.</param>
    /// <param name="first">What is subtracted from each key: the shard's first.</param>
    /// <param name="coded">At least <see cref="BytesMax"/> bytes.</param>
    public static int Encode(ReadOnlySpan<uint> keys, uint first, Span<byte> coded)
    {
        Span<uint> gaps = stackalloc uint[BlockKeys];
        uint expected = first;
        int written = 0;
        for (int start = 0; start < keys.Length; start += BlockKeys)
        {
            ReadOnlySpan<uint> block = keys[start..Math.Min(start + BlockKeys, keys.Length)];
            uint all = 0;
            int varintBytes = 0;
            for (int i = 0; i < block.Length; i++)
            {
                uint gap = block[i] - expected;
                gaps[i] = gap;
                all |= gap;
                varintBytes += WireWriter.SizeOfVarint(gap);
                expected = block[i] + 1;
            }
            int width = WidthMax - BitOperations.LeadingZeroCount(all);
            written += varintBytes < PackedBytes(block.Length, width)
                ? WriteVarints(gaps[..block.Length], coded[written..])
                : WritePacked(gaps[..block.Length], width, coded[written..]);
        }
        return written;
    }

    /// <summary>Reads keys.</summary>
    /// <param name="coded">All of the bytes.</param>
    /// <param name="keys">Filled; exactly as many as were written.</param>
    /// <exception cref="InvalidDataException">Too few or too many bytes, an unknown block form, a key of more than 32 bits.</exception>
    public static void Decode(ReadOnlySpan<byte> coded, Span<uint> keys)
    {
        ulong expected = 0;
        int position = 0;
        for (int start = 0; start < keys.Length; start += BlockKeys)
        {
            Span<uint> block = keys[start..Math.Min(start + BlockKeys, keys.Length)];
            if (position >= coded.Length)
                throw Truncated();
            byte form = coded[position++];
            if (form == VarintForm)
                ReadVarints(coded, ref position, block, ref expected);
            else if (form <= WidthMax)
                ReadPacked(coded, ref position, form, block, ref expected);
            else
                throw new InvalidDataException($"a block of coded keys begins with {form}; expected a width of 0 to {WidthMax}, or {VarintForm}");
            if (expected > uint.MaxValue + 1UL)
                throw new InvalidDataException("a coded key has more than 32 bits");
        }
        if (position != coded.Length)
            throw new InvalidDataException($"{keys.Length} coded keys end at byte {position}, but {coded.Length} bytes came");
    }

    private static int PackedBytes(int count, int width) => (count * width + 7) / 8;

    private static int WritePacked(ReadOnlySpan<uint> gaps, int width, Span<byte> coded)
    {
        coded[0] = (byte)width;
        int bytes = PackedBytes(gaps.Length, width), at = 1;
        ulong bits = 0;
        int held = 0;
        foreach (uint gap in gaps)
        {
            bits |= (ulong)gap << held;
            held += width;
            if (held < 32)
                continue;
            BinaryPrimitives.WriteUInt32LittleEndian(coded[at..], (uint)bits);
            at += sizeof(uint);
            bits >>= 32;
            held -= 32;
        }
        for (; at <= bytes; at++, bits >>= 8)
            coded[at] = (byte)bits;
        return 1 + bytes;
    }

    private static int WriteVarints(ReadOnlySpan<uint> gaps, Span<byte> coded)
    {
        int at = 0;
        coded[at++] = VarintForm;
        foreach (uint gap in gaps)
        {
            uint rest = gap;
            for (; rest > 0x7F; rest >>= 7)
                coded[at++] = (byte)(rest | 0x80);
            coded[at++] = (byte)rest;
        }
        return at;
    }

    private static void ReadPacked(ReadOnlySpan<byte> coded, ref int position, int width, Span<uint> keys, ref ulong expected)
    {
        int bytes = PackedBytes(keys.Length, width);
        if (bytes > coded.Length - position)
            throw Truncated();
        ReadOnlySpan<byte> packed = coded.Slice(position, bytes);
        position += bytes;
        ulong mask = (1UL << width) - 1, next = expected;
        // Whole words for all but the last gaps, which are read from a copy with room behind it.
        int inWords = Math.Min(keys.Length, Math.Max(0, (bytes - sizeof(ulong)) * 8 / Math.Max(width, 1)));
        for (int i = 0, bit = 0; i < inWords; i++, bit += width)
        {
            next += (BinaryPrimitives.ReadUInt64LittleEndian(packed[(bit >> 3)..]) >> (bit & 7)) & mask;
            keys[i] = (uint)next++;
        }
        int from = inWords * width >> 3;
        Span<byte> tail = stackalloc byte[TailBytes];
        if (inWords < keys.Length)
        {
            tail.Clear();
            packed[from..].CopyTo(tail);
        }
        for (int i = inWords, bit = inWords * width - from * 8; i < keys.Length; i++, bit += width)
        {
            next += (BinaryPrimitives.ReadUInt64LittleEndian(tail[(bit >> 3)..]) >> (bit & 7)) & mask;
            keys[i] = (uint)next++;
        }
        expected = next;
    }

    private static void ReadVarints(ReadOnlySpan<byte> coded, ref int position, Span<uint> keys, ref ulong expected)
    {
        for (int i = 0; i < keys.Length; i++)
        {
            ulong gap = 0;
            for (int shift = 0; ; shift += 7)
            {
                if (position >= coded.Length)
                    throw Truncated();
                if (shift >= VarintBytesMax * 7)
                    throw new InvalidDataException("a gap of coded keys is longer than 5 bytes");
                byte part = coded[position++];
                gap |= (ulong)(part & 0x7F) << shift;
                if (part < 0x80)
                    break;
            }
            expected += gap;
            keys[i] = (uint)expected++;
        }
    }

    private static InvalidDataException Truncated() => new("coded keys end in the middle of a block");
}
