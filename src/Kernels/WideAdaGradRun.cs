using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// AdaGrad over sparse rows for models with k scores a row. Key j has k pairs of weight and sum of squares side by side from entries[2jk] on.
/// <code>
/// f as in WideSgdRun;  g = Derivative(f)
/// online:      if g isn't all 0, for each non-zero and output: h = x·g; if h ≠ 0: r = fma(h, h, r), w = w − (rate·h)/(delta + √r);  the biases the same with x = 1
/// mini-batch:  all f of the m rows of a batch at fixed w; then row by row, if g isn't all 0: c = g/m, gradient[key] = fma(c, x, gradient[key]),
///              gradient[bias] = gradient[bias] + c; then each touched key once, in the order of first touch, with h = gradient[key]
/// </code>
/// Every form gives the same bits.
/// </summary>
public static unsafe class WideAdaGradRun
{
    /// <summary>One step per row, in the given order.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the number of keys (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="rate">Learning rate, finite, at least 0.</param>
    /// <param name="delta">The small constant, positive.</param>
    /// <param name="biasKey">Key of the biases; no row contains it.</param>
    /// <param name="outputs">k, at least 1.</param>
    /// <param name="entries">Pairs; read and written.</param>
    /// <param name="scores">Receives k scores per visit before its step.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <returns>The sum of the losses, each before its step.</returns>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    public static double Online<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, float rate, float delta, int biasKey, int outputs, Span<float> entries, Span<float> scores, TLoss loss)
        where TLoss : struct, IOutputLoss =>
        Online(KernelForms.Best, rows, order, rate, delta, biasKey, outputs, entries, scores, loss);

    /// <summary>One step per <paramref name="batch"/> rows, in the given order; the last batch may be smaller.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below the number of keys (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="batch">Rows per step, at least 1.</param>
    /// <param name="rate">Learning rate, finite, at least 0.</param>
    /// <param name="delta">The small constant, positive.</param>
    /// <param name="biasKey">Key of the biases; no row contains it.</param>
    /// <param name="outputs">k, at least 1.</param>
    /// <param name="entries">Pairs; read and written.</param>
    /// <param name="scores">Receives k scores per visit before its step.</param>
    /// <param name="gradient">Scratch, k floats a key, zero on entry and on exit.</param>
    /// <param name="touched">Scratch, one element a key.</param>
    /// <param name="isTouched">Scratch, one element a key, false on entry and on exit.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <returns>The sum of the losses, each before its step.</returns>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    public static double MiniBatch<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, float delta, int biasKey, int outputs, Span<float> entries, Span<float> scores,
        Span<float> gradient, Span<uint> touched, Span<bool> isTouched, TLoss loss)
        where TLoss : struct, IOutputLoss =>
        MiniBatch(KernelForms.Best, rows, order, batch, rate, delta, biasKey, outputs, entries, scores, gradient, touched, isTouched, loss);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Online<TLoss>(
        KernelForm form, in SparseRows rows, ReadOnlySpan<int> order, float rate, float delta, int biasKey, int outputs, Span<float> entries, Span<float> scores, TLoss loss)
        where TLoss : struct, IOutputLoss
    {
        Check(order, rate, delta, biasKey, outputs, entries, scores);
        double sum = 0;
        var g = stackalloc float[3 * outputs];
        var products = g + outputs;
        fixed (float* e = entries)
        fixed (uint* indices = rows.Indices)
        fixed (float* values = rows.Values)
        {
            var biases = e + 2L * biasKey * outputs;
            for (var t = 0; t < order.Length; t++)
            {
                WideScores.PrefetchAhead(rows, order, t);
                var f = scores.Slice(t * outputs, outputs);
                WideScores.RowOfPairs(form, rows, order[t], indices, values, e, biases, outputs, products, f);
                var changes = loss.Derivative(rows, order[t], f, new Span<float>(g, outputs), out var one);
                sum += one;
                if (!changes) continue;
                var row = new RowCursor(rows, order[t]);
                for (var n = row.Start; n < row.Start + row.Count; n++)
                    WideRow.AdaGrad(form, rate, delta, g, values[n], e + 2L * indices[n] * outputs, outputs);
                WideRow.AdaGrad(form, rate, delta, g, 1f, biases, outputs);
            }
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double MiniBatch<TLoss>(
        KernelForm form, in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, float delta, int biasKey, int outputs, Span<float> entries, Span<float> scores,
        Span<float> gradient, Span<uint> touched, Span<bool> isTouched, TLoss loss)
        where TLoss : struct, IOutputLoss
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        Check(order, rate, delta, biasKey, outputs, entries, scores);
        KernelGuard.AtLeast(gradient.Length, entries.Length / 2, nameof(gradient));
        KernelGuard.AtLeast(touched.Length, entries.Length / 2 / outputs, nameof(touched));
        KernelGuard.AtLeast(isTouched.Length, entries.Length / 2 / outputs, nameof(isTouched));
        double sum = 0;
        var g = stackalloc float[3 * outputs];
        var products = g + outputs;
        fixed (float* e = entries, sums = gradient, values = rows.Values)
        fixed (uint* indices = rows.Indices)
        {
            var biases = e + 2L * biasKey * outputs;
            for (var start = 0; start < order.Length; start += batch)
            {
                var end = (int)Math.Min((long)start + batch, order.Length);
                for (var t = start; t < end; t++)
                    WideScores.RowOfPairs(form, rows, order[t], indices, values, e, biases, outputs, products, scores.Slice(t * outputs, outputs));
                var count = 0;
                for (var t = start; t < end; t++)
                {
                    var changes = loss.Derivative(rows, order[t], scores.Slice(t * outputs, outputs), new Span<float>(g, outputs), out var one);
                    sum += one;
                    if (!changes) continue;
                    for (var i = 0; i < outputs; i++) g[i] /= end - start;
                    var row = new RowCursor(rows, order[t]);
                    for (var n = row.Start; n < row.Start + row.Count; n++) count += Touch(indices[n], touched, isTouched, count);
                    count += Touch((uint)biasKey, touched, isTouched, count);
                    WideRow.Axpy(form, g, indices + row.Start, values + row.Start, row.Count, sums, outputs);
                    for (var i = 0; i < outputs; i++) sums[(long)biasKey * outputs + i] += g[i];
                }

                foreach (var key in touched[..count])
                {
                    WideRow.AdaGrad(form, rate, delta, sums + (long)key * outputs, 1f, e + 2L * key * outputs, outputs);
                    gradient.Slice((int)key * outputs, outputs).Clear();
                    isTouched[(int)key] = false;
                }
            }
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Touch(uint key, Span<uint> touched, Span<bool> isTouched, int count)
    {
        ref var known = ref isTouched[(int)key];
        if (known) return 0;
        known = true;
        touched[count] = key;
        return 1;
    }

    private static void Check(ReadOnlySpan<int> order, float rate, float delta, int biasKey, int outputs, Span<float> entries, Span<float> scores)
    {
        KernelGuard.AtLeast(scores.Length, (long)order.Length * outputs, nameof(scores));
        KernelGuard.AtLeast(entries.Length, 2 * (biasKey + 1L) * outputs, nameof(entries));
        KernelGuard.PositiveDelta(delta);
        KernelGuard.FiniteRate(rate);
    }
}
