using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker;

/// <summary>From pulled parameters to what is pushed: local steps on a replica and their difference, or one gradient. One thread at a time.</summary>
internal sealed class BlockComputation : IDisposable
{
    private readonly TrainingJob _job;
    private readonly LocalSteps _steps;
    private readonly NativeBuffer<float> _replica;
    private readonly int _tailKeys;
    private readonly int[] _order;

    // The rows' last losses, block by block; null where they don't decide the order.
    private readonly float[]?[]? _losses;
    private readonly float[] _scores;

    public BlockComputation(TrainingJob job, BlockSet blocks, int keysMax)
    {
        _job = job;
        _steps = new LocalSteps(job.Model, job.Rule, job.Batch);
        _replica = new NativeBuffer<float>((long)keysMax * job.EntryFloats);
        _tailKeys = job.TailKeys;
        _order = new int[blocks.RowsMax];
        _losses = job.Order == RowOrderKind.LargestLoss ? new float[blocks.Count][] : null;
        _scores = new float[checked(blocks.RowsMax * job.Model.Outputs)];
    }

    /// <summary>Computes one block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="partition">Its partition.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="step">The job's step.</param>
    /// <param name="pulled">Parameters of the block's keys; not changed.</param>
    /// <param name="pushed">Overwritten with the delta or gradient.</param>
    public BlockResult Compute(Block block, int partition, int epoch, long step, ReadOnlySpan<float> pulled, Span<float> pushed)
    {
        Span<int> order = _order.AsSpan(0, block.RowCount);
        Span<float> scores = _scores.AsSpan(0, block.RowCount * _job.Model.Outputs);
        block.Order(_job.Seed, partition, epoch, order);
        if (_losses is not null && _losses[block.Number] is { } last)
            LossOrder.Apply(order, last);
        if (_job.LocalSteps == 0)
        {
            StepFigures one = _steps.Gradient(block.Rows, order, pulled, pushed, scores);
            KeepLosses(block, order, scores);
            return new BlockResult(one.Steps, 0, one.LossSum);
        }
        float rate = _job.Rule.Schedule.Rate(step);
        Span<float> replica = _replica.AsSpan(0, pulled.Length);
        pulled.CopyTo(replica);
        StepFigures figures = _steps.Step(block.Rows, order, rate, pulled.Length / _job.EntryFloats - _tailKeys, replica, scores);
        KeepLosses(block, order, scores);
        if (_job.MaxNorm > 0)
            BallProjection.Apply(_job.MaxNorm, replica[..checked((int)_job.Features * _job.EntryFloats)], _job.Stride);
        Subtract.Apply(replica, pulled, pushed);
        ScaleValues(pushed);
        return new BlockResult(figures.Steps, (double)rate * figures.Steps * _job.MergeScale, figures.LossSum);
    }

    public void Dispose() => _replica.Dispose();

    private void KeepLosses(Block block, ReadOnlySpan<int> order, ReadOnlySpan<float> scores)
    {
        if (_losses is not null)
            LossSum.OfRows(_job.Model, block.Rows, order, scores, _losses[block.Number] ??= new float[block.RowCount]);
    }

    private void ScaleValues(Span<float> delta)
    {
        if (_job.MergeScale == 1f)
            return;
        if (_job.Stride == 1)
        {
            Scale.Apply(_job.MergeScale, delta);
            return;
        }
        for (int i = 0; i < delta.Length; i += _job.Stride)
            delta[i] *= _job.MergeScale;
    }
}

/// <summary>What computing a block gave besides the push.</summary>
/// <param name="Steps">Mini-batches.</param>
/// <param name="RateSum">Sum of their learning rates, with local steps.</param>
/// <param name="LossSum">Sum of the rows' losses, each before its step.</param>
internal readonly record struct BlockResult(int Steps, double RateSum, double LossSum);
