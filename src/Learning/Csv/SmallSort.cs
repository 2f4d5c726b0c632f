using System.Numerics;
using System.Runtime.Intrinsics;

namespace DistSgd.Learning.Csv;

/// <summary>Sorts the few features of a row: the place of each is the count of those that are less, so that no branch depends on them.</summary>
internal static class SmallSort
{
    private const int CountMax = 32;
    private const int PlaceBits = 5;

    /// <summary>Sorts in place, ascending.</summary>
    /// <param name="features">Each below 2^27.</param>
    public static void Apply(Span<uint> features)
    {
        if (features.Length > CountMax)
        {
            features.Sort();
            return;
        }
        // With its place behind it, each is different from the others.
        Span<uint> keys = stackalloc uint[CountMax];
        keys.Fill(uint.MaxValue);
        for (int i = 0; i < features.Length; i++) keys[i] = (features[i] << PlaceBits) | (uint)i;
        Vector512<uint> low = Vector512.Create<uint>(keys), high = Vector512.Create<uint>(keys[(CountMax / 2)..]);
        int count = features.Length;
        for (int i = 0; i < count; i++)
        {
            Vector512<uint> key = Vector512.Create(keys[i]);
            int less = BitOperations.PopCount(Vector512.LessThan(low, key).ExtractMostSignificantBits());
            if (count > CountMax / 2) less += BitOperations.PopCount(Vector512.LessThan(high, key).ExtractMostSignificantBits());
            features[less] = keys[i] >> PlaceBits;
        }
    }
}
