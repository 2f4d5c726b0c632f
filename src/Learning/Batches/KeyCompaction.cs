using System.Numerics;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Renumbers the keys of a block: finds the distinct keys in ascending order and replaces each key by its place among them. Scratch is
/// kept from block to block. One thread at a time.
/// </summary>
/// <param name="keyLimit">One past the largest key.</param>
internal sealed class KeyCompaction(long keyLimit)
{
    // A bitmap over all keys is scanned a word for 64 keys; beyond this many words for a non-zero, sorting is cheaper.
    private const int WordsPerNonZeroMax = 4;

    private ulong[] _bits = [];
    private int[] _ranks = [];

    /// <summary>Replaces keys by places.</summary>
    /// <param name="keys">Any keys below the limit, in any order, with repetitions; overwritten with their places in the result.</param>
    /// <returns>The distinct keys, strictly ascending.</returns>
    public uint[] Apply(Span<uint> keys)
    {
        long words = (keyLimit + 63) / 64;
        return words <= (long)WordsPerNonZeroMax * keys.Length && words <= Array.MaxLength ? ByBitmap(keys, (int)words) : BySorting(keys);
    }

    /// <summary>The same with indices of features.</summary>
    /// <param name="indices">Overwritten with their places in the result.</param>
    /// <param name="plan">Its keys behind the features' come last in the result.</param>
    public uint[] Keys(Span<uint> indices, BlockPlan plan)
    {
        uint[] distinct = Apply(indices);
        var keys = new uint[distinct.Length + plan.TailKeys];
        distinct.CopyTo(keys, 0);
        for (int i = 0; i < plan.TailKeys; i++)
            keys[distinct.Length + i] = checked((uint)(plan.Features + i));
        return keys;
    }

    internal uint[] ByBitmap(Span<uint> keys, int words)
    {
        if (_bits.Length < words)
        {
            _bits = new ulong[words];
            _ranks = new int[words];
        }
        ulong[] bits = _bits;
        foreach (uint key in keys)
            bits[key / 64] |= 1UL << (int)(key % 64);
        int count = 0;
        for (int word = 0; word < words; word++)
        {
            _ranks[word] = count;
            count += BitOperations.PopCount(bits[word]);
        }
        var distinct = new uint[count];
        int place = 0;
        for (int word = 0; word < words; word++)
        {
            for (ulong left = bits[word]; left != 0; left &= left - 1)
                distinct[place++] = (uint)(word * 64 + BitOperations.TrailingZeroCount(left));
        }
        for (int i = 0; i < keys.Length; i++)
        {
            uint word = keys[i] / 64;
            keys[i] = (uint)(_ranks[word] + BitOperations.PopCount(bits[word] & ((1UL << (int)(keys[i] % 64)) - 1)));
        }
        Array.Clear(bits, 0, words);
        return distinct;
    }

    internal static uint[] BySorting(Span<uint> keys)
    {
        var tagged = new ulong[keys.Length];
        for (int i = 0; i < keys.Length; i++)
            tagged[i] = (ulong)keys[i] << 32 | (uint)i;
        Array.Sort(tagged);
        var distinct = new List<uint>();
        foreach (ulong tag in tagged)
        {
            uint key = (uint)(tag >> 32);
            if (distinct.Count == 0 || distinct[^1] != key)
                distinct.Add(key);
            keys[(int)(uint)tag] = (uint)(distinct.Count - 1);
        }
        return [.. distinct];
    }
}
