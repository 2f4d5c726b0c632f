using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// Stochastic gradient descent over sparse rows for models with k scores a row. Key j's weights are weights[j·k] … weights[j·k+k−1].
/// <code>
/// f = Σ w[key]·x, each output with the partial sums of SparseDot, then f = f + w[bias];  g = Derivative(f)
/// online:      if g isn't all 0: a = −rate·g;  w[key] = fma(a, x, w[key]) over the row;  w[bias] = w[bias] + a
/// mini-batch:  all f of the m rows of a batch at fixed w, then row by row the same with a = −(rate/m)·g
/// </code>
/// Every form gives the same bits.
/// </summary>
public static unsafe class WideSgdRun
{
    /// <summary>One step per <paramref name="batch"/> rows, in the given order; the last batch may be smaller.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the number of keys (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="batch">Rows per step, at least 1.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="biasKey">Key of the biases; no row contains it.</param>
    /// <param name="outputs">k, at least 1.</param>
    /// <param name="weights">The model, read and written.</param>
    /// <param name="scores">Receives k scores per visit before its step.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <returns>The sum of the losses, each before its step.</returns>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch size is less than 1.</exception>
    public static double Run<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, int biasKey, int outputs, Span<float> weights, Span<float> scores, TLoss loss)
        where TLoss : struct, IOutputLoss =>
        Run(KernelForms.Best, rows, order, batch, rate, biasKey, outputs, weights, scores, loss);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Run<TLoss>(
        KernelForm form, in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, int biasKey, int outputs, Span<float> weights, Span<float> scores, TLoss loss)
        where TLoss : struct, IOutputLoss
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        KernelGuard.AtLeast(scores.Length, (long)order.Length * outputs, nameof(scores));
        KernelGuard.AtLeast(weights.Length, (biasKey + 1L) * outputs, nameof(weights));
        double sum = 0;
        var factors = stackalloc float[outputs];
        fixed (float* w = weights)
        fixed (uint* indices = rows.Indices)
        fixed (float* values = rows.Values)
        {
            var biases = w + (long)biasKey * outputs;
            for (var start = 0; start < order.Length; start += batch)
            {
                var end = (int)Math.Min((long)start + batch, order.Length);
                for (var t = start; t < end; t++) WideScores.Row(form, rows, order[t], indices, values, w, biases, outputs, scores.Slice(t * outputs, outputs));
                var step = batch == 1 ? rate : rate / (end - start);
                for (var t = start; t < end; t++)
                {
                    var changes = loss.Derivative(rows, order[t], scores.Slice(t * outputs, outputs), new Span<float>(factors, outputs), out var one);
                    sum += one;
                    if (!changes) continue;
                    for (var i = 0; i < outputs; i++) factors[i] = -step * factors[i];
                    var row = new RowCursor(rows, order[t]);
                    WideRow.Axpy(form, factors, indices + row.Start, values + row.Start, row.Count, w, outputs);
                    for (var i = 0; i < outputs; i++) biases[i] += factors[i];
                }
            }
        }

        return sum;
    }
}
