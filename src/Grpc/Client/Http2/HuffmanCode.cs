namespace Grpc.Net.Client.Http2;

/// <summary>
/// The Huffman code of header strings (RFC 7541 §5.2, appendix B). It is canonical: codes are given by length, then by symbol, so that the lengths
/// alone say it. Decoding goes bit by bit along the first code of each length: header strings are short.
/// </summary>
internal static class HuffmanCode
{
    private const int BitsMin = 5;
    private const int BitsMax = 30;
    private const int EndOfString = 256;
    private const int PaddingBitsMax = 7;

    // The length of the code of each byte and of the end of the string, bits.
    private static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    // Symbols in the order of their codes.
    private static readonly ushort[] Symbols = [.. Enumerable.Range(0, Lengths.Length).OrderBy(symbol => Lengths[symbol]).Select(symbol => (ushort)symbol)];

    // For each length: the first code, how many there are, and where their symbols begin.
    private static readonly (uint First, int Count, int Start)[] Groups = MakeGroups();

    /// <summary>Decodes; the number of bytes written, or -1 where the input is no Huffman code or <paramref name="destination"/> is too short.</summary>
    public static int Decode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var written = 0;
        uint code = 0;
        var bits = 0;
        foreach (var octet in source)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                code = code << 1 | (uint)(octet >> bit & 1);
                bits++;
                if (bits < BitsMin)
                    continue;
                var (first, count, start) = Groups[bits];
                if (code - first < (uint)count)
                {
                    var symbol = Symbols[start + (int)(code - first)];
                    if (symbol == EndOfString || written == destination.Length)
                        return -1;
                    destination[written++] = (byte)symbol;
                    code = 0;
                    bits = 0;
                }
                else if (bits == BitsMax)
                {
                    return -1;
                }
            }
        }
        // What is left is padding: the beginning of the end-of-string code, all ones, less than a byte.
        return bits <= PaddingBitsMax && code == (1u << bits) - 1 ? written : -1;
    }

    private static (uint First, int Count, int Start)[] MakeGroups()
    {
        var groups = new (uint First, int Count, int Start)[BitsMax + 1];
        uint code = 0;
        var start = 0;
        for (var bits = BitsMin; bits <= BitsMax; bits++)
        {
            var count = Lengths.Count(length => length == bits);
            groups[bits] = (code, count, start);
            start += count;
            code = code + (uint)count << 1;
        }
        return groups;
    }
}
