using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// Stochastic gradient descent over sparse rows, dot product, loss and scatter fused:
/// <code>
/// f = SparseDot(w, row)  (+ w[bias], added after the fold);  scores[t] = f;  g = Weight·Derivative(f, label)
/// online:      if g ≠ 0: a = −rate·g;      w[j] = fma(a, x, w[j]) over the row;  w[bias] = w[bias] − biasRate·g
/// mini-batch:  all f and g of the m rows of a batch at fixed w, then row by row the same with rate/m and biasRate/m
/// </code>
/// </summary>
/// <remarks>
/// The weights may be read and written by other threads at the same time (Hogwild): plain 4-byte loads and stores, deliberate races.
/// Every form gives the same bits; the code is scalar.
/// </remarks>
public static unsafe class SparseSgdRun
{
    // Far enough for memory to answer, near enough for the lines to survive in the first-level cache.
    private const int PrefetchRows = 2;

    /// <summary>One step per row, in the given order.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the length of <paramref name="weights"/> (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="biasRate">Learning rate of the bias.</param>
    /// <param name="biasIndex">Key of the bias in <paramref name="weights"/>, −1 for none; no row contains it.</param>
    /// <param name="weights">The model, read and written.</param>
    /// <param name="scores">Receives the score of each visit before its step; at least as long as <paramref name="order"/>.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="IndexOutOfRangeException">A row number is not in the block.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Online<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, float rate, float biasRate, int biasIndex, Span<float> weights, Span<float> scores, TLoss loss = default)
        where TLoss : struct, ILossDerivative
    {
        CheckSpans(order, biasIndex, weights.Length, scores);
        fixed (float* w = weights)
        fixed (float* score = scores)
        {
            var bias = biasIndex < 0 ? null : w + biasIndex;
            for (var t = 0; t < order.Length; t++)
            {
                if (t + PrefetchRows < order.Length) RowCursor.Prefetch(rows, order[t + PrefetchRows]);
                var row = new RowCursor(rows, order[t]);
                var f = SparseDot.Row(ref *w, ref row.Indices, ref row.Values, row.Count);
                if (bias != null) f += *bias;
                score[t] = f;
                var g = row.Weight * loss.Derivative(f, row.Label);
                if (g == 0f) continue;
                var a = -rate * g;
                SparseAxpy.Row(a, ref row.Indices, ref row.Values, ref *w, row.Count);
                if (bias != null) *bias += -biasRate * g;
            }
        }
    }

    /// <summary>One step per <paramref name="batch"/> rows, in the given order; the last batch may be smaller.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the length of <paramref name="weights"/> (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="batch">Rows per step, at least 1.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="biasRate">Learning rate of the bias.</param>
    /// <param name="biasIndex">Key of the bias in <paramref name="weights"/>, −1 for none; no row contains it.</param>
    /// <param name="weights">The model, read and written.</param>
    /// <param name="scores">Receives the score of each visit before its step; at least as long as <paramref name="order"/>.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="IndexOutOfRangeException">A row number is not in the block.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batch"/> is less than 1.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MiniBatch<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, float biasRate, int biasIndex, Span<float> weights, Span<float> scores, TLoss loss = default)
        where TLoss : struct, ILossDerivative
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        CheckSpans(order, biasIndex, weights.Length, scores);
        ref float w = ref MemoryMarshal.GetReference(weights);
        for (var start = 0; start < order.Length; start += Math.Min(batch, order.Length - start))
        {
            var end = start + Math.Min(batch, order.Length - start);
            RowScores.Compute(rows, order[start..end], biasIndex, ref w, scores[start..end]);
            var (step, biasStep) = (rate / (end - start), biasRate / (end - start));
            for (var t = start; t < end; t++)
            {
                var row = new RowCursor(rows, order[t]);
                var g = row.Weight * loss.Derivative(scores[t], row.Label);
                if (g == 0f) continue;
                var a = -step * g;
                SparseAxpy.Row(a, ref row.Indices, ref row.Values, ref w, row.Count);
                if (biasIndex >= 0) weights[biasIndex] += -biasStep * g;
            }
        }
    }

    private static void CheckSpans(ReadOnlySpan<int> order, int biasIndex, int keys, Span<float> scores)
    {
        KernelGuard.AtLeast(scores.Length, order.Length, nameof(scores));
        KernelGuard.AtLeast(keys, biasIndex + 1L, "weights");
    }
}
