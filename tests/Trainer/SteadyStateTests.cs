using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Clients;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using DistSgd.Worker;

namespace DistSgd.Trainer.Tests;

public sealed class SteadyStateTests
{
    // The report of an epoch; a block allocates nothing, nor does a mini-batch.
    private const long BytesPerEpochMax = 64;

    private const int Warmup = 10;
    private const int Epochs = 20;

    [Fact]
    public void TrainingLoop_InSteadyState_AllocatesNothingButAnEpochsReport()
    {
        using Dataset data = RandomRows.Build(300, 50, 0.1, seed: 1);
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                foreach ((int batch, int localSteps) in UpdateRules.Of(optimizer).Facts.IsAdditive ? ((int, int)[])[(1, 1), (3, 2), (4, 0)] : [(4, 0)])
                {
                    var way = new OracleCase(ModelKind.Logistic, optimizer, sparse, batch, localSteps, 0.001, 0.01, 2);
                    AssertNothingIsAllocated(way.Job(data), data, way.ToString());
                }
            }
        }
    }

    // Lists of keys are known to servers as objects: with sparse exchange and rows that change, each block has a new one.
    [Fact]
    public void TrainingLoop_WithTheLargestLossFirst_AllocatesNothingButAnEpochsReport()
    {
        using Dataset data = RandomRows.Build(300, 50, 0.1, seed: 1);
        foreach ((int batch, int localSteps) in ((int, int)[])[(1, 1), (3, 2), (4, 0)])
        {
            var way = new OracleCase(ModelKind.Logistic, OptimizerKind.AdaGrad, false, batch, localSteps, 0.001, 0.01, 2);
            AssertNothingIsAllocated(way.Job(data) with { Order = RowOrderKind.LargestLoss }, data, way.ToString());
        }
    }

    [Fact]
    public void TrainingLoop_OfANetworkInSteadyState_AllocatesNothingButAnEpochsReport()
    {
        using Dataset data = RandomRows.Build(300, 50, 0.1, seed: 1);
        foreach (bool sparse in (bool[])[false, true])
        {
            foreach (string activation in (string[])["relu", "maxout:3"])
            {
                var spec = new MlpSpec { Layers = [24, 12], BatchNorm = true, Dropout = 0.3f };
                TrainingJob job = new OracleCase(ModelSpec.Of(ModelKind.Mlp, LossKind.Logistic) with { Network = spec.WithActivation(activation) }, OptimizerKind.AdaGrad, sparse, 6, 0, 0.001, 0.01, 2).Job(data);
                AssertNothingIsAllocated(job, data, $"{activation}, sparse {sparse}");
            }
        }
    }

    // With one shard, gradients of whole ranges are computed where the values lie; with two, on pulled copies.
    private static void AssertNothingIsAllocated(TrainingJob job, Dataset data, string what)
    {
        foreach (int shards in (int[])[1, 2])
        {
            long bytes = AllocatedAfterTheFirstEpochs(job with { Epochs = Warmup + Epochs }, data, shards, out bool inPlace, out int blocks);
            Assert.Equal(shards == 1 && job.LocalSteps == 0 && !job.Sparse, inPlace);
            Assert.True(blocks > 2 * Epochs && bytes <= BytesPerEpochMax * Epochs, $"{what}, {(inPlace ? "in place" : $"{shards} shards")}: {(double)bytes / blocks:F1} bytes a block");
        }
    }

    private static long AllocatedAfterTheFirstEpochs(TrainingJob job, Dataset data, int shardCount, out bool inPlace, out int blocks)
    {
        ShardMap map = ShardMap.Cut(job.KeyCount, shardCount);
        ParameterShard[] shards = [.. Enumerable.Range(0, map.Count).Select(i => new ParameterShard(job, i, map[i]))];
        using BlockSet set = BlockSet.Build(data, [new RowRange(0, data.RowCount)], new BlockPlan(job.Seed, 0, job.RowsPerBlock, job.Features, job.Sparse, LabelMap.Binary(-1, 1), null, job.TailKeys) { Order = job.Order });
        var meter = new Meter(Warmup);
        var client = new InProcessParameterClient(shards);
        using var loop = new TrainingLoop(job, set, client, meter);
        Task run = loop.RunAsync(CancellationToken.None);
        Assert.True(run.IsCompletedSuccessfully, "in-process training must not leave its thread");
        foreach (ParameterShard shard in shards)
            shard.Dispose();
        blocks = set.Count * (job.Epochs - Warmup);
        inPlace = client.BytesPulled == 0;
        return meter.Bytes;
    }

    private sealed class Meter(int warmup) : ITrainingObserver
    {
        private long _before;

        public long Bytes { get; private set; }

        public ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken)
        {
            if (report.EpochsDone == warmup)
                _before = GC.GetAllocatedBytesForCurrentThread();
            else if (report.EpochsDone > warmup)
                Bytes = GC.GetAllocatedBytesForCurrentThread() - _before;
            return ValueTask.FromResult(true);
        }
    }
}
