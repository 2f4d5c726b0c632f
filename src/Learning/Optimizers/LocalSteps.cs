using DistSgd.Kernels;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Optimizers;

/// <summary>
/// The inner loop of training on one block: either steps on a replica (entries of the block's or the job's keys), or one mean gradient.
/// Holds scratch; one thread at a time.
/// </summary>
/// <param name="model">Which loss.</param>
/// <param name="rule">Which update rule.</param>
/// <param name="batch">Rows in a mini-batch.</param>
public sealed class LocalSteps(ModelKind model, UpdateRule rule, int batch)
{
    private float[] _gradient = [];
    private uint[] _touched = [];

    /// <summary>Steps over all rows in the given order, mini-batch by mini-batch, at one learning rate. No regulariser acts.</summary>
    /// <param name="rows">The block's rows.</param>
    /// <param name="order">The order in which rows are visited; a permutation of the rows.</param>
    /// <param name="rate">η.</param>
    /// <param name="biasIndex">Place of the bias in the replica.</param>
    /// <param name="replica">Entries; changed.</param>
    /// <param name="scores">Filled, in visiting order, with each row's score just before its step.</param>
    /// <returns>Number of steps (mini-batches).</returns>
    public int Step(in SparseRows rows, ReadOnlySpan<int> order, float rate, int biasIndex, Span<float> replica, Span<float> scores)
    {
        switch (model)
        {
            case ModelKind.Linear:
                StepWith<SquaredLoss>(rows, order, rate, biasIndex, replica, scores);
                break;
            case ModelKind.Logistic:
                StepWith<LogisticLoss>(rows, order, rate, biasIndex, replica, scores);
                break;
            default:
                StepWith<HingeLoss>(rows, order, rate, biasIndex, replica, scores);
                break;
        }
        return (order.Length + batch - 1) / batch;
    }

    /// <summary>The mean gradient of all rows at the given weights.</summary>
    /// <param name="rows">The block's rows.</param>
    /// <param name="order">The order in which rows are visited.</param>
    /// <param name="biasIndex">Place of the bias.</param>
    /// <param name="weights">One float a key.</param>
    /// <param name="gradient">One float a key; overwritten.</param>
    /// <param name="scores">Filled in visiting order.</param>
    public void Gradient(in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ReadOnlySpan<float> weights, Span<float> gradient, Span<float> scores)
    {
        gradient.Clear();
        switch (model)
        {
            case ModelKind.Linear:
                SparseGradient.Accumulate<SquaredLoss>(rows, order, biasIndex, weights, scores, gradient);
                break;
            case ModelKind.Logistic:
                SparseGradient.Accumulate<LogisticLoss>(rows, order, biasIndex, weights, scores, gradient);
                break;
            default:
                SparseGradient.Accumulate<HingeLoss>(rows, order, biasIndex, weights, scores, gradient);
                break;
        }
    }

    private void StepWith<TLoss>(in SparseRows rows, ReadOnlySpan<int> order, float rate, int biasIndex, Span<float> replica, Span<float> scores)
        where TLoss : struct, ILossDerivative
    {
        bool adaGrad = rule.Optimizer == OptimizerKind.AdaGrad;
        if (batch == 1 && adaGrad)
            SparseAdaGradRun.Online<TLoss>(rows, order, rate, rule.Delta, biasIndex, replica, scores);
        else if (batch == 1)
            SparseSgdRun.Online<TLoss>(rows, order, rate, biasIndex, replica, scores);
        else if (!adaGrad)
            SparseSgdRun.MiniBatch<TLoss>(rows, order, batch, rate, biasIndex, replica, scores);
        else
            MiniBatchAdaGrad<TLoss>(rows, order, rate, biasIndex, replica, scores);
    }

    private void MiniBatchAdaGrad<TLoss>(in SparseRows rows, ReadOnlySpan<int> order, float rate, int biasIndex, Span<float> replica, Span<float> scores)
        where TLoss : struct, ILossDerivative
    {
        int keys = replica.Length / 2;
        if (_gradient.Length < keys)
        {
            _gradient = new float[keys];
            _touched = new uint[keys + 1];
        }
        SparseAdaGradRun.MiniBatch<TLoss>(rows, order, batch, rate, rule.Delta, biasIndex, replica, scores, _gradient, _touched);
    }
}
