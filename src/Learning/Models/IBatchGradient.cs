using DistSgd.Kernels;

namespace DistSgd.Learning.Models;

/// <summary>
/// The mean gradient of a mini-batch: the seam between models and update rules. An object holds scratch; one thread at a time.
/// </summary>
public interface IBatchGradient
{
    /// <summary>Loss and gradient at fixed parameters.</summary>
    /// <param name="rows">A block's rows; an index is a place among the block's keys.</param>
    /// <param name="batch">Rows of the mini-batch, in the order of summing; at least one.</param>
    /// <param name="parameters">The values of the block's keys by position: key by key, width floats each; the tail's keys last. No optimizer state.</param>
    /// <param name="gradient">As long as <paramref name="parameters"/>; overwritten with the mean gradient over the batch.</param>
    /// <param name="scores">Filled with k scores a row, in visiting order.</param>
    /// <returns>The sum of the rows' losses.</returns>
    double Compute(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores);
}
