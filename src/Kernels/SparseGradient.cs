using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// The mean gradient of m rows at fixed weights, added to a dense array of zeros:
/// <code>
/// f = SparseDot(w, row)  (+ w[bias], added after the fold);  scores[t] = f;  g = Weight·Derivative(f, label)
/// if g ≠ 0: c = g/m;  gradient[j] = fma(c, x, gradient[j]) over the row;  gradient[bias] = gradient[bias] + c
/// </code>
/// </summary>
public static class SparseGradient
{
    private const int PrefetchRows = 2;

    /// <summary>Adds the mean gradient of the rows of <paramref name="order"/>.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the length of <paramref name="weights"/> (not checked here).</param>
    /// <param name="order">The mini-batch, in the order of adding.</param>
    /// <param name="biasIndex">Key of the bias in <paramref name="weights"/>, −1 for none; no row contains it.</param>
    /// <param name="weights">The model.</param>
    /// <param name="scores">Receives the score of each row; at least as long as <paramref name="order"/>.</param>
    /// <param name="gradient">As long as <paramref name="weights"/>, zero on entry; must not overlap it.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="IndexOutOfRangeException">A row number is not in the block.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ReadOnlySpan<float> weights, Span<float> scores, Span<float> gradient, TLoss loss = default)
        where TLoss : struct, ILossDerivative
    {
        KernelGuard.AtLeast(scores.Length, order.Length, nameof(scores));
        KernelGuard.AtLeast(weights.Length, biasIndex + 1L, nameof(weights));
        KernelGuard.SameLength(weights.Length, gradient.Length, nameof(gradient));
        ref float w = ref MemoryMarshal.GetReference(weights);
        ref float sums = ref MemoryMarshal.GetReference(gradient);
        for (var t = 0; t < order.Length; t++)
        {
            if (t + PrefetchRows < order.Length) RowCursor.Prefetch(rows, order[t + PrefetchRows]);
            var row = new RowCursor(rows, order[t]);
            var score = SparseDot.Row(ref w, ref row.Indices, ref row.Values, row.Count);
            if (biasIndex >= 0) score += weights[biasIndex];
            scores[t] = score;
            var g = row.Weight * loss.Derivative(score, row.Label);
            if (g == 0f) continue;
            var c = g / order.Length;
            SparseAxpy.Row(c, ref row.Indices, ref row.Values, ref sums, row.Count);
            if (biasIndex >= 0) gradient[biasIndex] += c;
        }
    }
}
