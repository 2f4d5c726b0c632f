using System.Numerics;
using System.Runtime.InteropServices;

namespace DistSgd.Learning.Data;

/// <summary>
/// A checksum made of CRC-32C. Four running CRCs take the 64-bit words in turn (word i goes to the CRC i mod 4), since one alone would wait for itself; then one CRC goes over the four,
/// the bytes left over and the length.
/// </summary>
public static class Checksum
{
    /// <summary>The checksum of some bytes. Any thread.</summary>
    /// <param name="bytes">Any number.</param>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        uint a = 0, b = 0, c = 0, d = 0;
        int i = 0;
        for (; i + 4 <= words.Length; i += 4)
        {
            a = BitOperations.Crc32C(a, words[i]);
            b = BitOperations.Crc32C(b, words[i + 1]);
            c = BitOperations.Crc32C(c, words[i + 2]);
            d = BitOperations.Crc32C(d, words[i + 3]);
        }
        uint crc = BitOperations.Crc32C(BitOperations.Crc32C(BitOperations.Crc32C(a, b), c), d);
        foreach (byte rest in bytes[(i * sizeof(ulong))..]) crc = BitOperations.Crc32C(crc, rest);
        return BitOperations.Crc32C(crc, (ulong)bytes.Length);
    }
}
