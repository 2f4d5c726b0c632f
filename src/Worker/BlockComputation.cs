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
    private readonly int[] _order;
    private readonly float[] _scores;
    private readonly float[] _labels;

    public BlockComputation(TrainingJob job, BlockSet blocks, int keysMax)
    {
        _job = job;
        _steps = new LocalSteps(job.Model, job.Rule, job.Batch);
        _replica = new NativeBuffer<float>((long)keysMax * job.EntryFloats);
        _order = new int[blocks.RowsMax];
        _scores = new float[blocks.RowsMax];
        _labels = new float[blocks.RowsMax];
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
        Span<float> scores = _scores.AsSpan(0, block.RowCount);
        RowOrder.Rows(_job.Seed, partition, epoch, block.Number, order);
        int steps = 1;
        double rateSum = 0;
        if (_job.LocalSteps == 0)
        {
            _steps.Gradient(block.Rows, order, pulled.Length - 1, pulled, pushed, scores);
        }
        else
        {
            float rate = _job.Rule.Schedule.Rate(step);
            Span<float> replica = _replica.AsSpan(0, pulled.Length);
            pulled.CopyTo(replica);
            steps = _steps.Step(block.Rows, order, rate, pulled.Length / _job.EntryFloats - 1, replica, scores);
            Subtract.Apply(replica, pulled, pushed);
            ScaleValues(pushed);
            rateSum = (double)rate * steps * _job.MergeScale;
        }
        return new BlockResult(steps, rateSum, Loss(block, order, scores));
    }

    public void Dispose() => _replica.Dispose();

    private void ScaleValues(Span<float> delta)
    {
        if (_job.MergeScale == 1f)
            return;
        if (_job.EntryFloats == 1)
        {
            Scale.Apply(_job.MergeScale, delta);
            return;
        }
        for (int i = 0; i < delta.Length; i += _job.EntryFloats)
            delta[i] *= _job.MergeScale;
    }

    private double Loss(Block block, ReadOnlySpan<int> order, ReadOnlySpan<float> scores)
    {
        Span<float> labels = _labels.AsSpan(0, order.Length);
        ReadOnlySpan<float> all = block.Labels;
        for (int i = 0; i < order.Length; i++)
            labels[i] = all[order[i]];
        return LossSum.Compute(_job.Model, scores, labels);
    }
}

/// <summary>What computing a block gave besides the push.</summary>
/// <param name="Steps">Mini-batches.</param>
/// <param name="RateSum">Sum of their learning rates, with local steps.</param>
/// <param name="LossSum">Sum of the rows' losses, each before its step.</param>
internal readonly record struct BlockResult(int Steps, double RateSum, double LossSum);
