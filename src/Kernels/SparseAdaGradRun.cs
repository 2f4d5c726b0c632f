using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// AdaGrad over sparse rows, dot product, loss and scatter fused. A key's weight and sum of squares lie side by side:
/// entries[2j] = w, entries[2j+1] = r, so that an update touches one cache line.
/// <code>
/// f = SparseDot(w, row)  (+ w[bias], added after the fold);  scores[t] = f;  g = Weight·Derivative(f, label)
/// online:      if g ≠ 0, for each non-zero: h = g·x;  r = fma(h, h, r);  w = w − (rate·h)/(delta + √r);  the bias the same with h = g
/// mini-batch:  all f of the m rows of a batch at fixed w; then row by row, if g ≠ 0: c = g/m, gradient[j] = fma(c, x, gradient[j]),
///              gradient[bias] = gradient[bias] + c; then each touched key once, in the order of first touch, with h = gradient[j] (a sum of ±0 counts as +0)
/// </code>
/// </summary>
/// <remarks>
/// The entries may be read and written by other threads at the same time (Hogwild): plain loads and stores, deliberate races.
/// Every form gives the same bits.
/// </remarks>
public static unsafe class SparseAdaGradRun
{
    private const int PrefetchRows = 2;

    /// <summary>One step per row, in the given order.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below half the length of <paramref name="entries"/> (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="rate">Learning rate, finite, at least 0.</param>
    /// <param name="delta">The small constant, positive.</param>
    /// <param name="biasIndex">Key of the bias, −1 for none; no row contains it.</param>
    /// <param name="entries">Weights and sums of squares, interleaved; read and written.</param>
    /// <param name="scores">Receives the score of each visit before its step; at least as long as <paramref name="order"/>.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate, delta or batch size is out of range.</exception>
    /// <exception cref="IndexOutOfRangeException">A row number is not in the block.</exception>
    public static void Online<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores, TLoss loss = default)
        where TLoss : struct, ILossDerivative =>
        Online(KernelForms.Best, rows, order, rate, delta, biasIndex, entries, scores, loss);

    /// <summary>One step per <paramref name="batch"/> rows, in the given order; the last batch may be smaller.</summary>
    /// <typeparam name="TLoss">The loss.</typeparam>
    /// <param name="rows">The block; its indices are below half the length of <paramref name="entries"/> (not checked here).</param>
    /// <param name="order">Rows in the order of their visits.</param>
    /// <param name="batch">Rows per step, at least 1.</param>
    /// <param name="rate">Learning rate, finite, at least 0.</param>
    /// <param name="delta">The small constant, positive.</param>
    /// <param name="biasIndex">Key of the bias, −1 for none; no row contains it.</param>
    /// <param name="entries">Weights and sums of squares, interleaved; read and written.</param>
    /// <param name="scores">Receives the score of each visit before its step; at least as long as <paramref name="order"/>.</param>
    /// <param name="gradient">Scratch, one element per key, zero on entry and on exit.</param>
    /// <param name="touched">Scratch, at least min(non-zeros of the largest batch + 1, keys) + 1 elements.</param>
    /// <param name="loss">The loss with its constants.</param>
    /// <exception cref="ArgumentException">A span is too short or a row lies outside the block.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate, delta or batch size is out of range.</exception>
    /// <exception cref="IndexOutOfRangeException">A row number is not in the block.</exception>
    public static void MiniBatch<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores, Span<float> gradient, Span<uint> touched, TLoss loss = default)
        where TLoss : struct, ILossDerivative =>
        MiniBatch(KernelForms.Best, rows, order, batch, rate, delta, biasIndex, entries, scores, gradient, touched, loss);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Online<TLoss>(
        KernelForm form, in SparseRows rows, ReadOnlySpan<int> order, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores, TLoss loss = default)
        where TLoss : struct, ILossDerivative
    {
        CheckSpans(order, rate, delta, biasIndex, entries, scores);
        if (form == KernelForm.Portable) OnlineIn<TLoss, PortableForm>(rows, order, rate, delta, biasIndex, entries, scores, loss);
        else OnlineIn<TLoss, Avx2Form>(rows, order, rate, delta, biasIndex, entries, scores, loss);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void MiniBatch<TLoss>(
        KernelForm form, in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores, Span<float> gradient, Span<uint> touched, TLoss loss = default)
        where TLoss : struct, ILossDerivative
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        CheckSpans(order, rate, delta, biasIndex, entries, scores);
        KernelGuard.AtLeast(gradient.Length, entries.Length / 2, nameof(gradient));
        if (form == KernelForm.Portable) MiniBatchIn<TLoss, PortableForm>(rows, order, batch, rate, delta, biasIndex, entries, scores, gradient, touched, loss);
        else MiniBatchIn<TLoss, Avx2Form>(rows, order, batch, rate, delta, biasIndex, entries, scores, gradient, touched, loss);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OnlineIn<TLoss, TForm>(
        in SparseRows rows, ReadOnlySpan<int> order, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores, TLoss loss = default)
        where TLoss : struct, ILossDerivative
        where TForm : struct, IKernelForm
    {
        fixed (float* floats = entries)
        fixed (uint* indices = rows.Indices)
        fixed (float* values = rows.Values)
        {
            var pairs = (double*)floats;
            for (var t = 0; t < order.Length; t++)
            {
                if (t + PrefetchRows < order.Length) RowCursor.Prefetch(rows, order[t + PrefetchRows]);
                var row = new RowCursor(rows, order[t]);
                var score = SparseDot.Row(ref *pairs, ref row.Indices, ref row.Values, row.Count);
                if (biasIndex >= 0) score += floats[2L * biasIndex];
                scores[t] = score;
                var g = row.Weight * loss.Derivative(score, row.Label);
                if (g == 0f) continue;
                AdaGradEntry.StepAll<TForm>(rate, delta, g, indices + row.Start, values + row.Start, row.Count, pairs);
                if (biasIndex >= 0) AdaGradEntry.Step(rate, delta, g, floats + 2L * biasIndex);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MiniBatchIn<TLoss, TForm>(
        in SparseRows rows, ReadOnlySpan<int> order, int batch, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores, Span<float> gradient, Span<uint> touched, TLoss loss = default)
        where TLoss : struct, ILossDerivative
        where TForm : struct, IKernelForm
    {
        fixed (float* floats = entries)
        fixed (float* sums = gradient)
        fixed (uint* keys = touched)
        {
            for (var start = 0; start < order.Length; start += Math.Min(batch, order.Length - start))
            {
                var part = order.Slice(start, Math.Min(batch, order.Length - start));
                // One place more than can be filled: TouchedGradient writes before it knows whether the key is new.
                KernelGuard.AtLeast(touched.Length, Math.Min(rows.NonZeros(part) + 1L, gradient.Length) + 1, nameof(touched));
                RowScores.Compute(rows, part, biasIndex, ref *(double*)floats, scores[start..]);
                var count = TouchedGradient.Accumulate(rows, part, biasIndex, scores[start..], sums, keys, loss);
                AdaGradEntry.StepTouched<TForm>(rate, delta, keys, sums, count, (double*)floats);
            }
        }
    }

    private static void CheckSpans(
        ReadOnlySpan<int> order, float rate, float delta, int biasIndex, Span<float> entries, Span<float> scores)
    {
        KernelGuard.AtLeast(scores.Length, order.Length, nameof(scores));
        KernelGuard.AtLeast(entries.Length, 2 * (biasIndex + 1L), nameof(entries));
        KernelGuard.PositiveDelta(delta);
        KernelGuard.FiniteRate(rate);
    }
}
