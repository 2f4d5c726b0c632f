using DistSgd.Learning.Data;

namespace DistSgd.Learning.Mlp;

/// <summary>Which rows of which block are under way: what random choices for a row depend on, beside the seed.</summary>
/// <param name="Partition">Partition number.</param>
/// <param name="Epoch">Epoch, from 0.</param>
/// <param name="Block">Block number in the partition.</param>
public readonly record struct BatchPlace(int Partition, int Epoch, int Block)
{
    private const ulong Odd = 0x9E3779B97F4A7C15;

    /// <summary>A number for one row and purpose, the same in every run.</summary>
    internal ulong Seed(ulong seed, int row, int purpose)
    {
        ulong h = SeededRandom.Mix(seed + Odd);
        h = SeededRandom.Mix((h ^ (ulong)(uint)Partition << 32 ^ (uint)Block) + Odd);
        h = SeededRandom.Mix((h ^ (ulong)(uint)Epoch << 32 ^ (uint)row) + Odd);
        return SeededRandom.Mix((h ^ (uint)purpose) + Odd);
    }
}

/// <summary>
/// Inverted dropout (Srivastava et al. 2014): a factor a unit, 0 with the given probability (in steps of 2⁻¹⁶), else 1/(1 − probability), so that
/// nothing changes when predicting.
/// </summary>
public static class DropoutMask
{
    private const ulong Odd = 0x9E3779B97F4A7C15;

    /// <summary>Draws one row's factors.</summary>
    /// <param name="probability">In [0, 1).</param>
    /// <param name="seed">From <see cref="BatchPlace"/>.</param>
    /// <param name="factors">Overwritten.</param>
    public static void Fill(float probability, ulong seed, Span<float> factors)
    {
        uint limit = (uint)MathF.Round(probability * 65536f);
        float kept = 1f / (1f - probability);
        ulong bits = 0;
        for (int i = 0; i < factors.Length; i++, bits >>= 16)
        {
            if (i % 4 == 0)
                bits = SeededRandom.Mix(seed += Odd);
            factors[i] = (uint)(bits & 0xFFFF) < limit ? 0f : kept;
        }
    }
}
