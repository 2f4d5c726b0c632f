using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// Scores of rows at fixed weights: f = SparseDot(w, row), then f = f + w[bias] when there is a bias. What prediction and
/// evaluation do, and the first half of a mini-batch.
/// </summary>
public static class RowScores
{
    private const int PrefetchRows = 2;

    /// <summary>Computes the score of each row.</summary>
    /// <param name="rows">The block; its indices are below the length of <paramref name="weights"/> (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="biasIndex">Key of the bias in <paramref name="weights"/>, −1 for none.</param>
    /// <param name="weights">The model.</param>
    /// <param name="scores">Receives one score per visit; at least as long as <paramref name="order"/>.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="IndexOutOfRangeException">A row number is not in the block.</exception>
    public static void Compute(in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ReadOnlySpan<float> weights, Span<float> scores)
    {
        KernelGuard.AtLeast(scores.Length, order.Length, nameof(scores));
        KernelGuard.AtLeast(weights.Length, biasIndex + 1L, nameof(weights));
        Compute(rows, order, biasIndex, ref MemoryMarshal.GetReference(weights), scores);
    }

    /// <summary>The same for entries[2j] = w, entries[2j+1] = anything.</summary>
    /// <param name="rows">The block; its indices are below half the length of <paramref name="entries"/> (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="biasIndex">Key of the bias, −1 for none.</param>
    /// <param name="entries">Pairs.</param>
    /// <param name="scores">Receives one score per visit; at least as long as <paramref name="order"/>.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    public static void ComputeOfPairs(in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ReadOnlySpan<float> entries, Span<float> scores)
    {
        KernelGuard.AtLeast(scores.Length, order.Length, nameof(scores));
        KernelGuard.AtLeast(entries.Length, 2 * (biasIndex + 1L), nameof(entries));
        Compute(rows, order, biasIndex, ref Unsafe.As<float, double>(ref MemoryMarshal.GetReference(entries)), scores);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Compute<TEntry>(in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ref TEntry entries, Span<float> scores)
        where TEntry : unmanaged
    {
        for (var t = 0; t < order.Length; t++)
        {
            if (t + PrefetchRows < order.Length) RowCursor.Prefetch(rows, order[t + PrefetchRows]);
            var row = new RowCursor(rows, order[t]);
            var score = SparseDot.Row(ref entries, ref row.Indices, ref row.Values, row.Count);
            if (biasIndex >= 0) score += Unsafe.As<TEntry, float>(ref Unsafe.Add(ref entries, biasIndex));
            scores[t] = score;
        }
    }
}
