using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// The mean gradient of m rows at fixed weights for models with k scores a row, added to a dense array of zeros: f and g as in
/// <see cref="WideSgdRun"/>; if g isn't all 0: c = g/m, gradient[key] = fma(c, x, gradient[key]) over the row, gradient[bias] = gradient[bias] + c.
/// </summary>
public static unsafe class WideGradient
{
    /// <summary>Adds the mean gradient of the rows of <paramref name="order"/>.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the number of keys (not checked here).</param>
    /// <param name="order">The mini-batch, in the order of adding.</param>
    /// <param name="biasKey">Key of the biases; no row contains it.</param>
    /// <param name="outputs">k, at least 1.</param>
    /// <param name="weights">The model, k floats a key.</param>
    /// <param name="scores">Receives k scores per row.</param>
    /// <param name="gradient">As long as <paramref name="weights"/>, zero on entry; must not overlap it.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <returns>The sum of the losses.</returns>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    public static double Accumulate<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int biasKey, int outputs, ReadOnlySpan<float> weights, Span<float> scores, Span<float> gradient, TLoss loss)
        where TLoss : struct, IOutputLoss => Accumulate(KernelForms.Best, rows, order, biasKey, outputs, weights, scores, gradient, loss);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Accumulate<TLoss>(
        KernelForm form, in SparseRows rows, ReadOnlySpan<int> order, int biasKey, int outputs, ReadOnlySpan<float> weights, Span<float> scores, Span<float> gradient, TLoss loss)
        where TLoss : struct, IOutputLoss
    {
        KernelGuard.AtLeast(scores.Length, (long)order.Length * outputs, nameof(scores));
        KernelGuard.AtLeast(weights.Length, (biasKey + 1L) * outputs, nameof(weights));
        KernelGuard.SameLength(weights.Length, gradient.Length, nameof(gradient));
        double sum = 0;
        var g = stackalloc float[outputs];
        fixed (float* w = weights, sums = gradient, values = rows.Values)
        fixed (uint* indices = rows.Indices)
        {
            for (var t = 0; t < order.Length; t++)
            {
                WideScores.PrefetchAhead(rows, order, t);
                var f = scores.Slice(t * outputs, outputs);
                WideScores.Row(form, rows, order[t], indices, values, w, w + (long)biasKey * outputs, outputs, f);
                var changes = loss.Derivative(rows, order[t], f, new Span<float>(g, outputs), out var one);
                sum += one;
                if (!changes) continue;
                for (var i = 0; i < outputs; i++) g[i] /= order.Length;
                var row = new RowCursor(rows, order[t]);
                WideRow.Axpy(form, g, indices + row.Start, values + row.Start, row.Count, sums, outputs);
                for (var i = 0; i < outputs; i++) sums[(long)biasKey * outputs + i] += g[i];
            }
        }

        return sum;
    }
}
