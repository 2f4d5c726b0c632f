using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Oracle;
using DistSgd.Shared.Exchange;

namespace DistSgd.Trainer.Tests;

/// <summary>With one worker, one thread and no prefetch, the system gives the oracle's bits.</summary>
public sealed class OracleTests
{
    [Fact]
    public async Task Embedded_OneShard_EqualsOracleBitForBitInEveryCombination() => await AssertAllEqualAsync(OracleCase.All(shards: 1), seed: 1);

    [Fact]
    public async Task Embedded_ThreeShards_EqualsOracleBitForBitInEveryCombination() => await AssertAllEqualAsync(OracleCase.All(shards: 3), seed: 2);

    [Fact]
    public async Task Embedded_EverySchedule_EqualsOracleBitForBit() =>
        await AssertAllEqualAsync(
            from schedule in Enum.GetValues<ScheduleKind>()
            from optimizer in Enum.GetValues<OptimizerKind>()
            from sparse in (bool[])[false, true]
            from localSteps in (int[])[0, 3]
            where localSteps == 0 || UpdateRules.Of(optimizer).Facts.IsAdditive
            select new OracleCase(ModelKind.Logistic, optimizer, sparse, 3, localSteps, 0.001, 0.01, 2) { Schedule = schedule, Epochs = 3 },
            seed: 3);

    [Fact]
    public async Task Embedded_InitialBiasPushedByTheLeader_EqualsOracleThatBeginsThere() =>
        await AssertAllEqualAsync(
            from model in OracleCase.Models
            from optimizer in Enum.GetValues<OptimizerKind>()
            from sparse in (bool[])[false, true]
            select new OracleCase(model, optimizer, sparse, 2, UpdateRules.Of(optimizer).Facts.IsAdditive ? 4 : 0, 0, 0.01, 3) { InitialBias = -0.37f },
            seed: 4);

    [Fact]
    public async Task Embedded_DelayCompensationOfALoneWorker_ChangesNoBit() =>
        await AssertAllEqualAsync(
            from way in OracleCase.All(shards: 2)
            where way.Model.Kind is ModelKind.Logistic or ModelKind.Softmax && way.LocalSteps == 0 && way.Batch == 7 && (way.L1 > 0) == (way.L2 > 0)
            select way with { DelayCompensation = 0.5f },
            seed: 9);

    [Fact]
    public async Task Embedded_RowsWithManyNonZerosAndManyStripes_EqualsOracle()
    {
        // More keys than one stripe of a shard, and rows long enough for every tail of the vector loops.
        using Dataset data = RandomRows.Build(rows: 12, features: 20_011, density: 0.01, seed: 5);
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                foreach (int localSteps in UpdateRules.Of(optimizer).Facts.IsAdditive ? (int[])[0, 3] : [0])
                {
                    var way = new OracleCase(ModelKind.Logistic, optimizer, sparse, 2, localSteps, 0.001, 0.02, 1);
                    Assert.Equal("", way.Difference(way.Expected(data), await way.EmbeddedAsync(data)));
                }
            }
        }
    }

    [Fact]
    public async Task PublicTrainer_OneThreadWithoutPrefetch_EqualsOracle()
    {
        foreach (ModelSpec model in OracleCase.Models.Where(model => model.Loss != LossKind.Tree))
        {
            using Dataset data = OracleCase.Data(model, 90, 31, 0.2, seed: 6);
            foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
            {
                foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
                {
                    var options = new TrainingOptions { Model = model.Kind, Loss = model.Loss, HuberDelta = model.Loss == LossKind.Huber ? 0.3 : null, Margin = model.Loss == LossKind.CrammerSinger ? model.Margin : null, Optimizer = optimizer, Exchange = exchange, Threads = 1, Prefetch = 0, Epochs = 3, Shards = 2, Scaling = Learning.Preprocessing.ScalingKind.Off };
                    TrainingPlan plan = TrainingPlan.Make(data, options, new Deployment(1, 0, "embedded"), null);
                    TrainingResult result = await SgdTrainer.TrainAsync(data, options);
                    float[] expected = new SequentialTrainer(OracleCase.Of(plan), data).Train();
                    Assert.True(plan.Initial.Values[0] != 0 || model.Kind is ModelKind.MulticlassSvm);
                    Assert.Equal(expected, (float[])[.. result.Model.Weights, .. result.Model.Biases]);
                }
            }
        }
    }

    [Fact]
    public async Task Comparison_ServerThatSlips_IsSeen()
    {
        using Dataset data = RandomRows.Build(40, 30, 0.2, seed: 7);
        foreach (int localSteps in (int[])[0, 1, 5])
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                var way = new OracleCase(ModelKind.Logistic, OptimizerKind.AdaGrad, sparse, 1, localSteps, 0.001, 0.01, 2);
                float[] expected = way.Expected(data);
                foreach (Slip slip in Enum.GetValues<Slip>().Where(slip => slip != Slip.WrongStep || localSteps == 0))
                {
                    float[] actual = await way.EmbeddedAsync(data, client => new SlippingClient(client, slip));
                    Assert.True(way.Difference(expected, actual).Length > 0, $"{way} with the slip {slip} equals the oracle: the comparison sees nothing");
                }
            }
        }
    }

    [Fact]
    public void Comparison_RuleThatSlips_IsSeen()
    {
        using Dataset data = RandomRows.Build(40, 30, 0.2, seed: 8);
        var way = new OracleCase(ModelKind.Logistic, OptimizerKind.AdaGrad, true, 1, 5, 0.001, 0.01, 1);
        float[] right = way.Expected(data);
        Assert.NotEqual("", way.Difference(right, (way with { L2 = 0.0101 }).Expected(data)));
        Assert.NotEqual("", way.Difference(right, (way with { L1 = 0.00101 }).Expected(data)));
        Assert.NotEqual("", way.Difference(right, (way with { Sparse = false, L1 = 0 }).Expected(data)));
        Assert.NotEqual("", way.Difference(right, (way with { LocalSteps = 4 }).Expected(data)));
        Assert.NotEqual("", way.Difference(right, (way with { Optimizer = OptimizerKind.Sgd }).Expected(data)));
        Assert.NotEqual("", way.Difference(right, (way with { InitialBias = 1e-6f }).Expected(data)));
    }

    private static async Task AssertAllEqualAsync(IEnumerable<OracleCase> cases, int seed)
    {
        var differences = new List<string>();
        foreach (OracleCase way in cases)
        {
            using Dataset data = OracleCase.Data(way.Model, 45, 37, 0.15, seed);
            string difference = way.Difference(way.Expected(data), await way.EmbeddedAsync(data));
            if (difference.Length > 0)
                differences.Add(difference);
        }
        Assert.True(differences.Count == 0, $"seed {seed}, {differences.Count} differ:\n{string.Join('\n', differences.Take(20))}");
    }
}
