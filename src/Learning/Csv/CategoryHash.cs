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

    /// <summary>The state after the column's name: where the hash of each of its categories begins.</summary>
    public static ulong Begin(string column, ulong seed) => Add(Add(Basis ^ seed, Encoding.UTF8.GetBytes(column)), [0]);

    public static ulong Of(ulong begin, ReadOnlySpan<byte> category)
    {
        ulong z = Add(begin, category) + 0x9E3779B97F4A7C15;
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
