using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.TestKit;
using DistSgd.Trainer.Embedded;
using DistSgd.Worker;

namespace DistSgd.Trainer.Tests;

public sealed class SvrgTests
{
    // As much regularisation to the number of rows as a9a has with λ₂ = 1e-4.
    private const double Strength = 1e-3;

    private static TrainingOptions Options { get; } = new()
    {
        Model = ModelKind.Logistic,
        Optimizer = OptimizerKind.Sgd,
        Threads = 1,
        Scaling = ScalingKind.Off,
        L2 = Strength,
        SnapshotEvery = 2,
        Epochs = 120,
    };

    [Fact]
    public async Task Svrg_Within120Passes_IsWithin1e8OfTheOptimum_WhereSgdIsNotWithin200()
    {
        using Dataset data = OneHotRows();
        var optimum = new LogisticOptimum(data, LabelMap.Binary(-1, 1), Strength);
        TrainingResult reduced = await SgdTrainer.TrainAsync(data, Options);
        Assert.True(Math.Abs(optimum.Excess(reduced.Model)) < 1e-8, $"SVRG: {optimum.Excess(reduced.Model):G3} above the optimum");
        foreach (ScheduleKind schedule in (ScheduleKind[])[ScheduleKind.Constant, ScheduleKind.Linear, ScheduleKind.Inverse])
        {
            TrainingResult plain = await SgdTrainer.TrainAsync(data, Options with { SnapshotEvery = null, Epochs = 200, Schedule = schedule });
            Assert.True(optimum.Excess(plain.Model) > 1e-8, $"SGD, {schedule}: {optimum.Excess(plain.Model):G3} above the optimum");
        }
    }

    [Fact]
    public async Task Svrg_OnThreads_ReachesTheOptimum()
    {
        using Dataset data = OneHotRows();
        var optimum = new LogisticOptimum(data, LabelMap.Binary(-1, 1), Strength);
        TrainingResult result = await SgdTrainer.TrainAsync(data, Options with { Threads = 2, Shards = 3 });
        Assert.True(Math.Abs(optimum.Excess(result.Model)) < 1e-8, $"{optimum.Excess(result.Model):G3} above the optimum");
    }

    [Fact]
    public async Task Svrg_OnTwoServersAndTwoWorkers_ReachesTheOptimum_WithAndWithoutPrefetch()
    {
        using Dataset data = OneHotRows();
        LabelMap labels = LabelMap.Binary(-1, 1);
        var optimum = new LogisticOptimum(data, labels, Strength);
        foreach (int prefetch in (int[])[0, 1])
        {
            TrainingPlan plan = TrainingPlan.Make(data, Options with { Threads = null, Prefetch = prefetch }, new Deployment(2, 2, $"svrg{prefetch}"), null);
            await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(2);
            await using GrpcParameterClient reader = await cluster.ActivateAsync(plan.Job, 3);
            await InitialParameters.PushAsync(plan.Job, reader, plan.Initial, CancellationToken.None);
            var barrier = new EpochBarrier(2, 0, (_, _) => Task.FromResult(true));
            await Task.WhenAll(Enumerable.Range(0, 2).Select(partition => Task.Run(async () =>
            {
                long half = data.RowCount / 2;
                using BlockSet blocks = BlockSet.Build(data, [new RowRange(partition * half, half)], new BlockPlan(plan.Job.Seed, partition, plan.Job.RowsPerBlock, plan.Job.Features, false, labels));
                using var loop = new TrainingLoop(plan.Job, blocks, reader, barrier);
                await loop.RunAsync(CancellationToken.None);
            })));
            float[] parameters = await ParameterReader.ReadAsync(plan.Job, reader, CancellationToken.None);
            var model = new TrainedModel(plan.Job.Model, parameters, labels, data, plan.Job, new Dictionary<string, string>());
            Assert.True(Math.Abs(optimum.Excess(model)) < 1e-8, $"prefetch {prefetch}: {optimum.Excess(model):G3} above the optimum");
        }
    }

    [PeerFact("data:a9a/a9a.train.gz")]
    public async Task Svrg_OnA9a_Within120Passes_IsWithin1e8OfTheOptimum_WhereSgdIsNotWithin200()
    {
        Need.Require("data:a9a/a9a.train.gz");
        using Dataset data = Dataset.Open(Path.Combine(Environment.GetEnvironmentVariable("DISTSGD_DATA")!, "a9a/a9a.train.gz"));
        var optimum = new LogisticOptimum(data, LabelMap.ForClassification(data.Labels), 1e-4);
        double reduced = optimum.Excess((await SgdTrainer.TrainAsync(data, Options with { L2 = 1e-4 })).Model);
        Assert.True(Math.Abs(reduced) < 1e-8, $"SVRG: {reduced:G3} above the optimum");
        double plain = optimum.Excess((await SgdTrainer.TrainAsync(data, Options with { L2 = 1e-4, SnapshotEvery = null, Epochs = 200 })).Model);
        Assert.True(plain > 1e-8, $"SGD: {plain:G3} above the optimum");
    }

    [Fact]
    public async Task Svrg_OnWeightedRows_ReachesTheOptimumOfRowsRepeatedAsOften()
    {
        using Dataset data = OneHotRows();
        using var builder = new DatasetBuilder();
        for (int row = 0; row < data.RowCount; row++)
        {
            for (int copy = 0; copy <= row % 3; copy++)
                builder.Add(data.Row(row).Label, data.Row(row).Indices, data.Row(row).Values);
        }
        using Dataset repeated = builder.Build();
        data.Weigh([.. Enumerable.Range(0, (int)data.RowCount).Select(row => 1f + row % 3)]);
        var optimum = new LogisticOptimum(repeated, LabelMap.Binary(-1, 1), Strength);
        double excess = optimum.Excess((await SgdTrainer.TrainAsync(data, Options)).Model);
        Assert.True(Math.Abs(excess) < 1e-8, $"{excess:G3} above the optimum");
    }

    [Fact]
    public async Task Svrg_WithWhatItDoesNotKnow_IsRefusedWithBothNamesAndValues()
    {
        using Dataset data = OneHotRows();
        (TrainingOptions Options, string Says)[] wrong =
        [
            (Options with { Optimizer = OptimizerKind.AdaGrad }, "--svrg 2 doesn't go with --optimizer adagrad"),
            (Options with { L1 = 0.5 }, "--svrg 2 doesn't go with --l1 0.5"),
            (Options with { Batch = 8 }, "--batch 8"),
            (Options with { LocalSteps = 0 }, "--local-steps 0"),
            (Options with { Exchange = ExchangeKind.Sparse }, "--exchange sparse"),
            (Options with { Model = ModelKind.Softmax }, "--model softmax"),
            (Options with { MaxNorm = 1 }, "--max-norm 1"),
        ];
        foreach ((TrainingOptions options, string says) in wrong)
            Assert.Contains(says, (await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options))).Message, StringComparison.Ordinal);
    }

    // Twelve groups of eight features, one of each group in every row, as a census has them.
    private static Dataset OneHotRows()
    {
        const int groups = 12, size = 8;
        var random = new Random(17);
        double[] truth = [.. Enumerable.Range(0, groups * size).Select(_ => 2 * random.NextDouble() - 1)];
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 4_000; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, groups).Select(group => (uint)(group * size + Math.Min(random.Next(size), random.Next(size))))];
            double score = indices.Sum(j => truth[j]) - 0.5;
            builder.Add(random.NextDouble() < 1 / (1 + Math.Exp(-score)) ? 1 : -1, indices, [.. indices.Select(_ => 1f)]);
        }
        return builder.Build();
    }
}
