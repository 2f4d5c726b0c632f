namespace DistSgd.Kernels;

/// <summary>
/// A loss of all k scores of a row, as a struct, so that the training runs are compiled with it inlined. A pure function of the row, its
/// scores and constants it was made with.
/// </summary>
public interface IOutputLoss
{
    /// <summary>dℓ/df_i for every output i.</summary>
    /// <param name="rows">The block.</param>
    /// <param name="row">The row's number in the block, for its label.</param>
    /// <param name="scores">f, k numbers.</param>
    /// <param name="derivative">Receives k numbers; its content doesn't matter when the answer is false.</param>
    /// <param name="loss">ℓ.</param>
    /// <returns>False: all derivatives are 0, the row changes nothing.</returns>
    bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss);
}
