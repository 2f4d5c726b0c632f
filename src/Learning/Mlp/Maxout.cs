namespace DistSgd.Learning.Mlp;

/// <summary>Maxout (Goodfellow et al. 2013): a unit is the largest of its pieces; a row holds the first pieces of all units, then the second, and so on.</summary>
internal static class Maxout
{
    /// <summary>units[u] = max over pieces p of sums[p·count + u], row by row.</summary>
    public static void Apply(ReadOnlySpan<float> sums, int count, int pieces, Span<float> units)
    {
        for (int row = 0; row < units.Length / count; row++)
        {
            Span<float> most = units.Slice(row * count, count);
            sums.Slice(row * count * pieces, count).CopyTo(most);
            for (int piece = 1; piece < pieces; piece++)
            {
                ReadOnlySpan<float> other = sums.Slice((row * pieces + piece) * count, count);
                for (int u = 0; u < most.Length; u++)
                    most[u] = other[u] > most[u] ? other[u] : most[u];
            }
        }
    }

    /// <summary>The derivative goes to the first piece that is the largest.</summary>
    /// <param name="sums">As given to <see cref="Apply"/>.</param>
    /// <param name="units">As it gave.</param>
    /// <param name="count">Units a row.</param>
    /// <param name="pieces">Pieces a unit.</param>
    /// <param name="unitSlopes">The derivative in the units; overwritten with scratch.</param>
    /// <param name="sumSlopes">Overwritten with the derivative in the sums.</param>
    public static void Backward(ReadOnlySpan<float> sums, ReadOnlySpan<float> units, int count, int pieces, Span<float> unitSlopes, Span<float> sumSlopes)
    {
        for (int row = 0; row < units.Length / count; row++)
        {
            Span<float> left = unitSlopes.Slice(row * count, count);
            ReadOnlySpan<float> most = units.Slice(row * count, count);
            for (int piece = 0; piece < pieces; piece++)
            {
                int start = (row * pieces + piece) * count;
                for (int u = 0; u < left.Length; u++)
                {
                    bool takes = sums[start + u] == most[u];
                    sumSlopes[start + u] = takes ? left[u] : 0f;
                    left[u] = takes ? 0f : left[u];
                }
            }
        }
    }
}
