using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Every order of rows, as a pure function of the job's seed. Two levels, so that memory is read in long runs: the rows of a partition are
/// dealt to blocks by one random permutation, once; in each epoch the blocks come in a new order, and the rows within each block too.
/// </summary>
public static class RowOrder
{
    private const ulong Odd = 0x9E3779B97F4A7C15;

    /// <summary>Which row of the partition lies at which place: place p holds row result[p]. The same for all epochs.</summary>
    /// <param name="seed">The job's seed.</param>
    /// <param name="partition">Partition number, from 0.</param>
    /// <param name="places">Filled with a permutation of 0..length−1.</param>
    public static void Deal(ulong seed, int partition, Span<int> places) => Fill(places, Mix(seed, 1, (ulong)partition, 0, 0));

    /// <summary>The order of blocks in one epoch.</summary>
    /// <param name="seed">The job's seed.</param>
    /// <param name="partition">Partition number, from 0.</param>
    /// <param name="epoch">Epoch number, from 0.</param>
    /// <param name="blocks">Filled with a permutation of 0..length−1.</param>
    public static void Blocks(ulong seed, int partition, int epoch, Span<int> blocks) =>
        Fill(blocks, Mix(seed, 2, (ulong)partition, (ulong)epoch, 0));

    /// <summary>The order of rows within one block in one epoch.</summary>
    /// <param name="seed">The job's seed.</param>
    /// <param name="partition">Partition number, from 0.</param>
    /// <param name="epoch">Epoch number, from 0.</param>
    /// <param name="block">Block number in the partition, from 0.</param>
    /// <param name="rows">Filled with a permutation of 0..length−1.</param>
    public static void Rows(ulong seed, int partition, int epoch, int block, Span<int> rows) =>
        Fill(rows, Mix(seed, 3, (ulong)partition, (ulong)epoch, (ulong)block));

    private static void Fill(Span<int> numbers, ulong seed)
    {
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = i;
        SeededRandom.Shuffle((long)seed, numbers);
    }

    private static ulong Mix(ulong seed, ulong purpose, ulong a, ulong b, ulong c)
    {
        ulong h = SeededRandom.Mix(seed + purpose * Odd);
        h = SeededRandom.Mix((h ^ a) + Odd);
        h = SeededRandom.Mix((h ^ b) + Odd);
        return SeededRandom.Mix((h ^ c) + Odd);
    }
}
