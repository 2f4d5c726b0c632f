using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker;

/// <summary>From pulled parameters to what is pushed: local steps on a replica and their difference, or one gradient. One thread at a time.</summary>
internal sealed class BlockComputation : IDisposable
{
    private readonly TrainingJob _job;
    private readonly BlockSet _blocks;
    private readonly LocalSteps _steps;
    private readonly SvrgSteps? _svrg;
    private readonly MlpNetwork? _network;
    private readonly NativeBuffer<float> _replica;
    private readonly int _tailKeys;

    // Where running statistics lie in a gradient: floats before its end, and how many; and room for them.
    private readonly (int FromEnd, int Count)[] _statistics;
    private readonly float[] _keptStatistics;
    private readonly int[] _order;

    // Of a block's rows; empty where losses don't decide the order.
    private readonly float[] _losses;
    private readonly float[] _scores;
    private int _blocksDone;

    public BlockComputation(TrainingJob job, BlockSet blocks, int keysMax)
    {
        _job = job;
        _blocks = blocks;
        _network = job.Model.Network is null ? null : new MlpNetwork(job.Model.Shape, job.Seed, job.Partitions, job.Augmentation);
        _steps = new LocalSteps(job.Model, job.Rule, job.Batch, _network) { BiasShare = job.BiasShare };
        if (job.SnapshotEvery > 0)
            _svrg = new SvrgSteps(job.Model, job.Rule.L2, blocks, job.RowCount);
        _replica = new NativeBuffer<float>(job.PushKind == PushKind.Gradient ? 0 : (long)keysMax * job.EntryFloats);
        _tailKeys = job.TailKeys;
        _statistics = [.. job.Tables.Where(table => table.IsAveraged).Select(table => (checked((int)(job.KeyCount - table.Keys.First) * job.Width), (int)table.Keys.Count * job.Width))];
        _keptStatistics = new float[_statistics.Sum(table => table.Count)];
        _order = new int[blocks.RowsMax];
        _losses = new float[blocks.Losses is null ? 0 : blocks.RowsMax];
        _scores = new float[checked(blocks.RowsMax * job.Model.Outputs)];
    }

    /// <summary>Computes one block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="partition">Its partition.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="steps">The job's step, and how many are left.</param>
    /// <param name="pulled">Parameters of the block's keys; not changed.</param>
    /// <param name="pushed">Overwritten with the delta or gradient.</param>
    public BlockResult Compute(Block block, int partition, int epoch, StepWindow steps, ReadOnlySpan<float> pulled, Span<float> pushed)
    {
        Span<int> order = _order.AsSpan(0, block.RowCount);
        block.Order(_job.Seed, partition, epoch, order);
        _blocks.Losses?.Sort(order, block.Places);
        // A mini-batch of queries has as many rows as they have: a bound on steps is kept to the end of a block there.
        if (!_job.Model.IsRanking && steps.Left < (order.Length + _job.Batch - 1) / _job.Batch)
            order = order[..(int)(steps.Left * _job.Batch)];
        if (_svrg is not null)
            return Svrg(_svrg, block, epoch, steps.First, order, pulled, pushed);
        Span<float> scores = _scores.AsSpan(0, order.Length * _job.Model.Outputs);
        if (_job.LocalSteps == 0)
        {
            _network?.Begin(new BatchPlace(partition, epoch, block.Number));
            bool hasPoints = _job.PushKind == PushKind.GradientAtPoint;
            Span<float> gradient = hasPoints ? _replica.AsSpan(0, pulled.Length) : pushed;
            StepFigures one = _steps.Gradient(block.Rows, order, pulled, gradient, scores);
            Clip(gradient);
            if (hasPoints)
                InterleavedPairs.Join(gradient, pulled, pushed);
            KeepLosses(block, order, scores);
            return new BlockResult(one.Steps, order.Length, 0, _job.Targets?.ToOriginal(one.LossSum) ?? one.LossSum);
        }
        float rate = _job.Rule.Schedule.Rate(steps.First);
        Span<float> replica = _replica.AsSpan(0, pulled.Length);
        pulled.CopyTo(replica);
        StepFigures figures = _steps.Step(block.Rows, order, rate, pulled.Length / _job.EntryFloats - _tailKeys, replica, scores);
        KeepLosses(block, order, scores);
        if (_job.MaxNorm > 0)
            BallProjection.Apply(_job.MaxNorm, replica[..checked((int)_job.Features * _job.EntryFloats)], _job.Stride);
        Subtract.Apply(replica, pulled, pushed);
        if (_job.Partitions > 1 && _job.Rule.Optimizer == OptimizerKind.AdaGrad && _blocksDone++ < AdaGradMerge.BlocksMax)
            AdaGradMerge.Apply(_job.Partitions, pulled, pushed);
        ScaleValues(pushed);
        return new BlockResult(figures.Steps, order.Length, (double)rate * figures.Steps * _job.MergeScale, figures.LossSum);
    }

    /// <summary>Computes the slopes of all rows at a snapshot that was taken before.</summary>
    /// <param name="values">The snapshot, a value a key.</param>
    /// <param name="cancellationToken">Gives up between blocks.</param>
    public void TakeSnapshot(ReadOnlySpan<float> values, CancellationToken cancellationToken)
    {
        var entries = new float[checked(values.Length * _job.Stride)];
        for (int key = 0; key < values.Length; key++)
            entries[key * _job.Stride] = values[key];
        var gradient = new float[values.Length];
        for (int number = 0; number < _blocks.Count; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _svrg!.Snapshot(_blocks[number], values.Length - _tailKeys, entries, gradient);
        }
    }

    // Changes of running statistics travel among the gradients and are none.
    private void Clip(Span<float> gradient)
    {
        if (_job.Clip == GradientClip.None)
            return;
        int kept = 0;
        foreach ((int fromEnd, int count) in _statistics)
        {
            Span<float> statistics = gradient.Slice(gradient.Length - fromEnd, count);
            statistics.CopyTo(_keptStatistics.AsSpan(kept));
            statistics.Clear();
            kept += count;
        }
        _job.Clip.Apply(gradient);
        kept = 0;
        foreach ((int fromEnd, int count) in _statistics)
        {
            _keptStatistics.AsSpan(kept, count).CopyTo(gradient[^fromEnd..]);
            kept += count;
        }
    }

    private BlockResult Svrg(SvrgSteps svrg, Block block, int epoch, long step, ReadOnlySpan<int> order, ReadOnlySpan<float> pulled, Span<float> pushed)
    {
        int bias = pulled.Length / _job.EntryFloats - _tailKeys;
        if (_job.IsSnapshot(epoch))
            return new BlockResult(0, block.RowCount, 0, svrg.Snapshot(block, bias, pulled, pushed));
        float rate = _job.Rule.Schedule.Rate(step);
        double loss = svrg.Step(block, order, rate, bias, pulled, pushed);
        ScaleValues(pushed);
        return new BlockResult(order.Length, order.Length, (double)rate * order.Length * _job.MergeScale, loss);
    }

    public void Dispose()
    {
        _replica.Dispose();
        _network?.Dispose();
    }

    private void KeepLosses(Block block, ReadOnlySpan<int> order, ReadOnlySpan<float> scores)
    {
        if (_blocks.Losses is null)
            return;
        LossSum.OfRows(_job.Model, block.Rows, order, scores, _losses);
        _blocks.Losses.Keep(block.Places, order, _losses);
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
/// <param name="Rows">Rows in them.</param>
/// <param name="RateSum">Sum of their learning rates, with local steps.</param>
/// <param name="LossSum">Sum of the rows' losses, each before its step.</param>
internal readonly record struct BlockResult(int Steps, int Rows, double RateSum, double LossSum);

/// <summary>Which steps a block's are.</summary>
/// <param name="First">The job's step at its beginning.</param>
/// <param name="Left">The worker's steps that are left, this block's included; positive.</param>
internal readonly record struct StepWindow(long First, long Left);
