using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Oracle;
using DistSgd.ParamServer.Clients;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using DistSgd.Worker;

namespace DistSgd.Trainer.Tests;

/// <summary>One way to train, run by the system and by the oracle.</summary>
internal sealed record OracleCase(ModelSpec Model, OptimizerKind Optimizer, bool Sparse, int Batch, int LocalSteps, double L1, double L2, int Shards)
{
    public int Epochs { get; init; } = 2;

    public ScheduleKind Schedule { get; init; } = ScheduleKind.InverseSqrt;

    public float InitialBias { get; init; }

    /// <summary>No power of two, so that its rounding is seen.</summary>
    public float BiasShare { get; init; } = 0.3f;

    /// <summary>Nothing overtakes a lone worker: whatever its strength, the bits stay.</summary>
    public float DelayCompensation { get; init; }

    // As docs/data.md says.
    private const int StreamedRun = 32;

    /// <summary>Every model with every of its losses.</summary>
    public static IReadOnlyList<ModelSpec> Models { get; } =
        [
            .. from kind in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm]
               from loss in ModelSpec.LossesOf(kind)
               select ModelSpec.Of(kind, loss) with { HuberDelta = 0.3f },
            .. from loss in (LossKind[])[LossKind.CrossEntropy, LossKind.WestonWatkins, LossKind.CrammerSinger, LossKind.Tree]
               let kind = Enum.GetValues<ModelKind>().First(kind => ModelSpec.LossesOf(kind).Contains(loss))
               select ModelSpec.Of(kind, loss, Classes) with { Margin = loss == LossKind.CrammerSinger ? 0.7f : 1, Costs = loss == LossKind.Tree ? Costs : CostMatrix.None },
        ];

    /// <summary>Classes of the data for models of several classes: more than a vector register holds, and no multiple of it.</summary>
    public const int Classes = 11;

    private static CostMatrix Costs => new([.. Enumerable.Range(0, Classes * Classes).Select(i => Math.Abs(i / Classes - i % Classes) * 0.25f)]);

    /// <summary>A small set that the model can learn.</summary>
    public static Dataset Data(ModelSpec model, int rows, int features, double density, int seed) =>
        RandomRows.Build(rows, features, density, seed, regression: model.IsRegression, classes: model.HasClassScores ? Classes : 0);

    /// <summary>Every combination of what changes the arithmetic.</summary>
    public static IEnumerable<OracleCase> All(int shards) =>
        from model in Models
        from optimizer in Enum.GetValues<OptimizerKind>()
        from sparse in (bool[])[false, true]
        from batch in (int[])[1, 7]
        from localSteps in (int[])[0, 1, 5]
        where localSteps == 0 || UpdateRules.Of(optimizer).Facts.IsAdditive
        where model.Kind is ModelKind.Logistic or ModelKind.Softmax || UpdateRules.Of(optimizer).Facts.IsAdditive
        from strength in ((double L1, double L2)[])[(0, 0), (0.003, 0), (0, 0.02), (0.002, 0.01)]
        select new OracleCase(model, optimizer, sparse, batch, localSteps, strength.L1, strength.L2, shards);

    private UpdateRule Rule() => new()
    {
        Optimizer = Optimizer,
        Schedule = new Schedule(Schedule, Optimizer == OptimizerKind.Sgd ? 0.05 : 0.2, Decay: 0.03, TotalSteps: 400),
        L1 = L1,
        L2 = L2,
        DelayCompensation = DelayCompensation,
    };

    public LabelMap Labels() => Model.HasClassScores ? LabelMap.OfClasses([.. Enumerable.Range(0, Classes).Select(label => label * 2f + 1)]) : Model.IsRegression ? LabelMap.Identity : LabelMap.Binary(-1, 1);

    public TrainingJob Job(Dataset data) => new()
    {
        Name = "oracle",
        Model = Model,
        Rule = Rule(),
        Features = data.FeatureCount,
        Sparse = Sparse,
        Epochs = Epochs,
        Batch = Batch,
        LocalSteps = LocalSteps,
        BiasShare = BiasShare,
        Seed = 77,
    };

    /// <summary>The oracle's job of a planned training of one worker.</summary>
    public static OracleJob Of(TrainingPlan plan) => new()
    {
        Model = plan.Job.Model,
        Rule = plan.Job.Rule,
        Features = (int)plan.Job.Features,
        Epochs = plan.Job.Epochs,
        Batch = plan.Job.Batch,
        LocalSteps = plan.Job.LocalSteps,
        Sparse = plan.Job.Sparse,
        Seed = plan.Job.Seed,
        BiasShare = plan.Job.BiasShare,
        InitialBias = plan.Initial.Values,
        Means = plan.Job.Scaling?.Means.ToArray() ?? [],
        InverseScales = plan.Job.Scaling?.InverseScales.ToArray() ?? [],
        RowsPerRun = plan.Job.Streams ? StreamedRun : 1,
        Labels = plan.Labels,
    };

    /// <summary>What the oracle gives.</summary>
    public float[] Expected(Dataset data) => new SequentialTrainer(
        new OracleJob
        {
            Model = Model,
            Rule = Rule(),
            Features = (int)data.FeatureCount,
            Epochs = Epochs,
            Batch = Batch,
            LocalSteps = LocalSteps,
            Sparse = Sparse,
            InitialBias = [.. Enumerable.Repeat(InitialBias, Model.Outputs)],
            BiasShare = BiasShare,
            Seed = 77,
            Labels = Labels(),
        },
        data).Train();

    /// <summary>What one worker over shards in this process gives; a wrapper may stand between them.</summary>
    public async Task<float[]> EmbeddedAsync(Dataset data, Func<IParameterClient, IParameterClient>? wrap = null, InitialParameters? initial = null)
    {
        TrainingJob job = Job(data);
        ShardMap map = ShardMap.Cut(job.KeyCount, Shards);
        ParameterShard[] shards = [.. Enumerable.Range(0, map.Count).Select(i => new ParameterShard(job, i, map[i]))];
        try
        {
            var client = new InProcessParameterClient(shards);
            return await OverAsync(job, data, wrap is null ? client : wrap(client), initial);
        }
        finally
        {
            foreach (ParameterShard shard in shards)
                shard.Dispose();
        }
    }

    /// <summary>What one worker over the given client gives.</summary>
    public async Task<float[]> OverAsync(TrainingJob job, Dataset data, IParameterClient client, InitialParameters? initial = null)
    {
        await InitialParameters.PushAsync(job, client, initial ?? new InitialParameters(job.BiasKey, [.. Enumerable.Repeat(InitialBias, job.Width)]), CancellationToken.None);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, data.RowCount)], new BlockPlan(job.Seed, 0, job.RowsPerBlock, job.Features, job.Sparse, Labels(), null, job.TailKeys));
        using var loop = new TrainingLoop(job, blocks, client, new Silent());
        await loop.RunAsync(CancellationToken.None);
        return await ParameterReader.ReadAsync(job, client, CancellationToken.None);
    }

    /// <summary>Trains one of a job's partitions.</summary>
    public static async Task TrainPartitionAsync(TrainingJob job, Dataset data, LabelMap labels, int partition, IParameterClient client)
    {
        long first = data.RowCount * partition / job.Partitions, end = data.RowCount * (partition + 1) / job.Partitions;
        var plan = new BlockPlan(job.Seed, partition, job.RowsPerBlock, job.Features, job.Sparse, labels, job.Scaling, job.TailKeys) { Targets = job.Model.Targets, Order = job.Order, Streams = job.Streams, Weighting = job.Weighting };
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(first, end - first)], plan);
        using var loop = new TrainingLoop(job, blocks, client, new Silent());
        await loop.RunAsync(CancellationToken.None);
    }

    /// <summary>Empty if the bits are equal; else where they first differ.</summary>
    public string Difference(float[] expected, float[] actual)
    {
        if (expected.Length != actual.Length)
            return $"{this}: {actual.Length} values, expected {expected.Length}";
        for (int key = 0; key < expected.Length; key++)
        {
            if (BitConverter.SingleToInt32Bits(expected[key]) != BitConverter.SingleToInt32Bits(actual[key]))
                return $"{this}: key {key} is {actual[key]:R}, the oracle says {expected[key]:R}";
        }
        return "";
    }

    private sealed class Silent : ITrainingObserver
    {
        public ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken) => ValueTask.FromResult(true);
    }
}
