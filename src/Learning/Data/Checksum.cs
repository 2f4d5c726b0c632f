using System.Numerics;
using System.Runtime.InteropServices;

namespace DistSgd.Learning.Data;

/// <summary>
/// A checksum made of CRC-32C, of bytes that come in pieces. Four running CRCs take the 64-bit words in turn (word i goes to the CRC i mod 4), since one alone would wait for itself; then one CRC goes
/// over the four, the bytes left over and the length.
/// </summary>
public struct Checksum
{
    /// <summary>All pieces but the last have a multiple of so many bytes.</summary>
    public const int PieceBytes = 4 * sizeof(ulong);

    private uint _a;
    private uint _b;
    private uint _c;
    private uint _d;
    private long _length;

    /// <summary>The checksum of some bytes. Any thread.</summary>
    /// <param name="bytes">Any number.</param>
    public static uint Of(ReadOnlySpan<byte> bytes) => new Checksum().Finish(bytes);

    /// <summary>Takes a piece that isn't the last.</summary>
    /// <exception cref="ArgumentException">Its length is no multiple of <see cref="PieceBytes"/>.</exception>
    public void Add(ReadOnlySpan<byte> piece)
    {
        if (piece.Length % PieceBytes != 0) throw new ArgumentException($"The piece has {piece.Length} bytes; expected a multiple of {PieceBytes}.", nameof(piece));
        Words(piece);
    }

    /// <summary>Takes the last piece, which may be empty, and gives the checksum of all.</summary>
    public uint Finish(ReadOnlySpan<byte> last)
    {
        int whole = last.Length / PieceBytes * PieceBytes;
        Words(last[..whole]);
        uint crc = BitOperations.Crc32C(BitOperations.Crc32C(BitOperations.Crc32C(_a, _b), _c), _d);
        foreach (byte rest in last[whole..]) crc = BitOperations.Crc32C(crc, rest);
        return BitOperations.Crc32C(crc, (ulong)(_length + last.Length - whole));
    }

    private void Words(ReadOnlySpan<byte> piece)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(piece);
        uint a = _a, b = _b, c = _c, d = _d;
        for (int i = 0; i + 4 <= words.Length; i += 4)
        {
            a = BitOperations.Crc32C(a, words[i]);
            b = BitOperations.Crc32C(b, words[i + 1]);
            c = BitOperations.Crc32C(c, words[i + 2]);
            d = BitOperations.Crc32C(d, words[i + 3]);
        }
        (_a, _b, _c, _d) = (a, b, c, d);
        _length += piece.Length;
    }
}
