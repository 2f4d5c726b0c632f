using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Oracle;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer.Tests;

/// <summary>Weights of rows and classes.</summary>
public sealed class WeightTests
{
    [Fact]
    public async Task WeightedRows_OneThread_EqualOracleBitForBit()
    {
        foreach (ModelSpec model in OracleCase.Models.Where(model => model.Loss != LossKind.Tree))
        {
            using Dataset data = OracleCase.Data(model, 90, 31, 0.2, seed: 6);
            data.Weigh([.. Enumerable.Range(0, 90).Select(i => 0.25f * (1 + i % 7))]);
            foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
            {
                foreach ((int batch, int localSteps) in ((int, int)[])[(1, 9), (4, 3), (4, 0)])
                {
                    // Other rules take gradients only.
                    if (localSteps > 0 && !UpdateRules.Of(optimizer).Facts.IsAdditive)
                        continue;
                    TrainingOptions options = Options(model) with { Optimizer = optimizer, Batch = batch, LocalSteps = localSteps };
                    TrainingPlan plan = TrainingPlan.Make(data, options, new Deployment(1, 0, "embedded"), null);
                    TrainingResult result = await SgdTrainer.TrainAsync(data, options);
                    float[] expected = new SequentialTrainer(OracleCase.Of(plan) with { Weights = [.. Enumerable.Range(0, 90).Select(row => plan.Job.Weighting!.Of(data, plan.Labels, row))] }, data).Train();
                    Assert.Equal(expected, (float[])[.. result.Model.Weights, .. result.Model.Biases]);
                }
            }
        }
    }

    [Fact]
    public async Task RowsOfWeightZero_AreAsIfTheyWereNotThere()
    {
        using Dataset data = RandomRows.Build(200, 20, 0.3, seed: 1), half = RowSelection.Copy(data, [.. Enumerable.Range(0, 100).Select(i => new RowRange(2 * i, 1))]);
        data.Weigh([.. Enumerable.Range(0, 200).Select(i => i % 2 == 0 ? 1f : 0f)]);
        half.Weigh([.. Enumerable.Repeat(1f, 100)]);
        TrainingResult with = await SgdTrainer.TrainAsync(data, Options(ModelKind.Logistic)), without = await SgdTrainer.TrainAsync(half, Options(ModelKind.Logistic));
        Assert.Equal(without.Model.Weights.ToArray(), with.Model.Weights.ToArray());
        Assert.Equal((without.Train.Rows, without.Train.Loss), (with.Train.Rows, with.Train.Loss));
        data.Weigh(new float[200]);
        await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, Options(ModelKind.Logistic)));
    }

    [Fact]
    public void WeightOfTwo_IsTheRowTwice_InABatchGradient()
    {
        foreach (ModelSpec model in OracleCase.Models)
        {
            using Dataset data = OracleCase.Data(model, 60, 12, 0.4, seed: 3);
            LabelMap labels = model.HasClassScores ? LabelMap.ForClasses(data.Labels) : model.IsRegression ? LabelMap.Identity : LabelMap.Binary(-1, 1);
            ModelSpec sized = model.HasClassScores ? model with { Outputs = labels.Classes.Count, Costs = model.Loss == LossKind.Tree ? new CostMatrix(new float[labels.Classes.Count * labels.Classes.Count]) : CostMatrix.None } : model;
            float[] weights = [.. Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? 2f : 1f)];
            using Dataset twice = Repeated(data, weights);
            data.Weigh(weights);
            (double Loss, float[] Gradient) weighted = Gradient(sized, data, labels, RowWeighting.Fit(data, labels, [])), repeated = Gradient(sized, twice, labels, null);
            Assert.Equal(repeated.Loss / 80, weighted.Loss / 60, 1e-5);
            Assert.All(repeated.Gradient.Zip(weighted.Gradient), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }
    }

    private static (double Loss, float[] Gradient) Gradient(ModelSpec model, Dataset data, LabelMap labels, RowWeighting? weighting)
    {
        int rows = (int)data.RowCount, floats = (int)(data.FeatureCount + 1) * model.Outputs;
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, rows)], new BlockPlan(1, 0, rows, data.FeatureCount, false, labels) { Weighting = weighting });
        float[] parameters = [.. Enumerable.Range(0, floats).Select(i => 0.1f * (i % 7) - 0.3f)], gradient = new float[floats];
        double loss = BatchGradient.Of(model).Compute(blocks[0].Rows, [.. Enumerable.Range(0, rows)], parameters, gradient, new float[rows * model.Outputs]);
        return (loss, gradient);
    }

    // A row cannot lie twice in the ranges of a copy, so it is built.
    private static Dataset Repeated(Dataset data, float[] weights)
    {
        using var rows = new DatasetBuilder();
        for (int i = 0; i < weights.Length; i++)
            for (int times = 0; times < weights[i]; times++)
                rows.Add(data.Row(i).Label, data.Row(i).Indices, data.Row(i).Values);
        return rows.Build();
    }

    [Theory]
    [InlineData(ModelKind.Logistic)]
    [InlineData(ModelKind.Mlp)]
    public async Task BalancedClasses_FindTheRareOne(ModelKind kind)
    {
        using var rows = new DatasetBuilder();
        var random = new SeededRandom(1);
        for (int i = 0; i < 2000; i++)
        {
            float label = i % 20 == 0 ? 1 : -1;
            rows.Add(label, [0, 1], [(float)(random.NextGaussian() + label), (float)random.NextGaussian()]);
        }
        using Dataset data = rows.Build();
        TrainingOptions options = kind == ModelKind.Mlp ? new() { Model = kind, Hidden = [6], Epochs = 30, Threads = 1 } : Options(kind);
        double plain = Recall(await SgdTrainer.TrainAsync(data, options)), balanced = Recall(await SgdTrainer.TrainAsync(data, options with { ClassWeight = "balanced" }));
        double named = Recall(await SgdTrainer.TrainAsync(data, options with { ClassWeight = "1:10,-1:0.5263158" }));
        Assert.True(plain < 0.5 && balanced > 0.7, $"{plain}, {balanced}");
        Assert.Equal(balanced, named, 0.02);
        var unknown = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options with { ClassWeight = "7:2" }));
        Assert.Contains("names the class \"7\"; expected one of -1, 1", unknown.Message, StringComparison.Ordinal);

        double Recall(TrainingResult result) => result.Train.Classes[1].Recall;
    }

    [Fact]
    public void WeightedMetrics_EqualThoseOfRowsThatAreRepeated()
    {
        using Dataset data = RandomRows.Build(40, 10, 0.4, seed: 5), again = RandomRows.Build(40, 10, 0.4, seed: 5);
        float[] weights = [.. Enumerable.Range(0, 40).Select(i => (float)(i % 3))];
        data.Weigh(weights);
        using Dataset repeated = Repeated(again, weights);
        float[] parameters = [.. Enumerable.Range(0, 11).Select(i => 0.3f * (i % 4) - 0.4f)];
        foreach ((ModelSpec model, LabelMap labels) in ((ModelSpec, LabelMap)[])[(ModelKind.Logistic, LabelMap.Binary(-1, 1)), (ModelKind.Linear, LabelMap.Identity)])
        {
            EvaluationResult weighted = Evaluation.Compute(model, parameters, data, labels, 1), expected = Evaluation.Compute(model, parameters, repeated, labels, 1);
            Assert.Equal(expected.Loss, weighted.Loss, 1e-6);
            Assert.Equal(expected.Accuracy ?? 0, weighted.Accuracy ?? 0, 1e-12);
            Assert.Equal(expected.Rmse ?? 0, weighted.Rmse ?? 0, 1e-9);
            Assert.Equal(expected.Mae ?? 0, weighted.Mae ?? 0, 1e-9);
            Assert.Equal(expected.RSquared ?? 0, weighted.RSquared ?? 0, 1e-9);
        }
    }

    [Fact]
    public async Task Ranking_RefusesWeights()
    {
        using var rows = new DatasetBuilder();
        for (int i = 0; i < 40; i++)
            rows.Add(i % 3, i / 4, [0], [i % 5]);
        using Dataset data = rows.Build();
        data.Weigh([.. Enumerable.Repeat(2f, 40)]);
        var refused = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, new TrainingOptions()));
        Assert.Contains("svm-rank", refused.Message, StringComparison.Ordinal);
    }

    private static TrainingOptions Options(ModelSpec model) => new()
    {
        Model = model.Kind,
        Loss = model.Loss,
        HuberDelta = model.Loss == LossKind.Huber ? 0.3 : null,
        Margin = model.Loss == LossKind.CrammerSinger ? model.Margin : null,
        Threads = 1,
        Prefetch = 0,
        Epochs = 3,
        Shards = 2,
        Scaling = ScalingKind.Off,
    };
}
