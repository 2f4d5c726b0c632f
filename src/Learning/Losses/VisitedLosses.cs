using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Losses;

/// <summary>Sums the losses of rows in the order of their visits. Holds scratch; one thread at a time.</summary>
internal sealed class VisitedLosses
{
    private float[] _labels = [];
    private float[] _weights = [];

    /// <summary>The sum, each row's loss times its weight.</summary>
    /// <param name="model">A model with one score a row.</param>
    /// <param name="rows">The block.</param>
    /// <param name="order">The rows as they were visited.</param>
    /// <param name="scores">Of each visit.</param>
    public double Sum(ModelSpec model, in SparseRows rows, ReadOnlySpan<int> order, ReadOnlySpan<float> scores)
    {
        bool weighted = rows.Weights.Length > 0;
        if (_labels.Length < order.Length)
            _labels = new float[order.Length];
        if (weighted && _weights.Length < order.Length)
            _weights = new float[order.Length];
        Gather(rows.Labels, order, _labels);
        if (weighted)
            Gather(rows.Weights, order, _weights);
        return LossSum.Compute(model, scores[..order.Length], _labels.AsSpan(0, order.Length), weighted ? _weights.AsSpan(0, order.Length) : []);
    }

    private static void Gather(ReadOnlySpan<float> all, ReadOnlySpan<int> order, Span<float> target)
    {
        for (int i = 0; i < order.Length; i++)
            target[i] = all[order[i]];
    }
}
