using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>The k scores of a sparse row, f = Σ w[key]·x + w[bias]: each output with the partial sums of <see cref="SparseDot"/>.</summary>
public static unsafe class WideScores
{
    private const int PrefetchRows = 2;

    /// <summary>Scores one row.</summary>
    /// <param name="weights">k floats a key.</param>
    /// <param name="indices">Keys; the caller guarantees that each is below the number of keys.</param>
    /// <param name="values">One value per index.</param>
    /// <param name="bias">k floats.</param>
    /// <param name="scores">Receives k floats.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static void Compute(ReadOnlySpan<float> weights, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, ReadOnlySpan<float> bias, Span<float> scores) =>
        Compute(KernelForms.Best, weights, indices, values, bias, scores);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Compute(KernelForm form, ReadOnlySpan<float> weights, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, ReadOnlySpan<float> bias, Span<float> scores)
    {
        KernelGuard.SameLength(indices.Length, values.Length, nameof(values));
        KernelGuard.SameLength(bias.Length, scores.Length, nameof(scores));
        fixed (float* w = weights, x = values, b = bias, f = scores)
        fixed (uint* keys = indices)
        {
            WideRow.Dot(form, keys, x, indices.Length, w, scores.Length, f);
            for (var i = 0; i < scores.Length; i++) f[i] += b[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Row(KernelForm form, in SparseRows rows, int number, uint* indices, float* values, float* weights, float* biases, int outputs, Span<float> scores)
    {
        var row = new RowCursor(rows, number);
        fixed (float* f = scores)
        {
            WideRow.Dot(form, indices + row.Start, values + row.Start, row.Count, weights, outputs, f);
            for (var i = 0; i < outputs; i++) f[i] += biases[i];
        }
    }

    // Of pairs (weight, sum of squares): both are multiplied, the first of each is kept.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void RowOfPairs(
        KernelForm form, in SparseRows rows, int number, uint* indices, float* values, float* entries, float* biases, int outputs, float* products, Span<float> scores)
    {
        var row = new RowCursor(rows, number);
        WideRow.Dot(form, indices + row.Start, values + row.Start, row.Count, entries, 2 * outputs, products);
        for (var i = 0; i < outputs; i++) scores[i] = products[2 * i] + biases[2 * i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void PrefetchAhead(in SparseRows rows, ReadOnlySpan<int> order, int visit)
    {
        if (visit + PrefetchRows < order.Length) RowCursor.Prefetch(rows, order[visit + PrefetchRows]);
    }
}
