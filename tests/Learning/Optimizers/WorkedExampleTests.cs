using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Optimizers;

public sealed class WorkedExampleTests
{
    [Fact]
    public void TenCopiesOfASet_OneUnshuffledEpochOfOnlineSteps_EqualsTenEpochsOverTheSetBitForBit()
    {
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            using Dataset once = RandomData.Build(100, 30, 0.2, seed: 1), copies = Copies(once, 10);
            float[] tenEpochs = new float[31 * Stride(optimizer)], oneEpoch = new float[31 * Stride(optimizer)];
            for (int epoch = 0; epoch < 10; epoch++)
                Step(once, optimizer, batch: 1, tenEpochs);
            Step(copies, optimizer, batch: 1, oneEpoch);
            Assert.Equal(tenEpochs, oneEpoch);
            Assert.Contains(oneEpoch, value => value != 0);
        }
    }

    [Fact]
    public void TenCopiesOfASet_OneBatchStep_EqualsThatOnTheSetWithin1e6()
    {
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            using Dataset once = RandomData.Build(100, 30, 0.2, seed: 2), copies = Copies(once, 10);
            float[] small = new float[31 * Stride(optimizer)], large = new float[31 * Stride(optimizer)];
            Step(once, optimizer, batch: 100, small);
            Step(copies, optimizer, batch: 1000, large);
            for (int i = 0; i < small.Length; i++)
                Assert.Equal(small[i], large[i], 1e-6);
        }
    }

    [Fact]
    public void LinearRegression_FullBatchGradientDescent_ReachesTheNormalEquations()
    {
        // y = 2x₁ − 3x₂ + 0.5 without noise: least squares is exact.
        var random = new Random(3);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 50; row++)
        {
            float a = (float)random.NextDouble() - 0.5f, b = (float)random.NextDouble() - 0.5f;
            builder.Add(2 * a - 3 * b + 0.5f, [0, 1], [a, b]);
        }
        using Dataset data = builder.Build();
        using BlockSet blocks = Blocks(data, 2, LabelMap.Identity);
        var steps = new LocalSteps(ModelKind.Linear, Rule(OptimizerKind.Sgd), 50);
        float[] weights = new float[3], gradient = new float[3], scores = new float[50];
        for (int t = 0; t < 3000; t++)
        {
            steps.Gradient(blocks[0].Rows, [.. Enumerable.Range(0, 50)], weights, gradient, scores);
            for (int key = 0; key < 3; key++)
                weights[key] -= 0.5f * gradient[key];
        }
        Assert.Equal(2, weights[0], 1e-4);
        Assert.Equal(-3, weights[1], 1e-4);
        Assert.Equal(0.5, weights[2], 1e-4);
    }

    [Fact]
    public void Gradient_OfEveryModel_EqualsCentralDifferencesOfTheMeanLoss()
    {
        using Dataset data = RandomData.Build(20, 12, 0.4, seed: 4);
        using BlockSet blocks = Blocks(data, 12, LabelMap.Binary(-1, 1));
        var random = new Random(5);
        float[] weights = [.. Enumerable.Range(0, 13).Select(_ => (float)(random.NextDouble() - 0.5))];
        foreach (ModelKind model in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm])
        {
            float[] gradient = new float[13], scores = new float[20];
            new LocalSteps(model, Rule(OptimizerKind.Sgd), 20).Gradient(blocks[0].Rows, [.. Enumerable.Range(0, 20)], weights, gradient, scores);
            for (int key = 0; key < 13; key++)
            {
                const double h = 1e-5;
                double expected = (MeanLoss(model, data, weights, key, h) - MeanLoss(model, data, weights, key, -h)) / (2 * h);
                Assert.True(Math.Abs(expected - gradient[key]) <= 2e-5, $"{model}, key {key}: {gradient[key]:R}, expected {expected:R}");
            }
        }
    }

    private static double MeanLoss(ModelKind model, Dataset data, float[] weights, int moved, double by)
    {
        double sum = 0;
        for (long row = 0; row < data.RowCount; row++)
        {
            SparseRow x = data.Row(row);
            double score = weights[^1] + (moved == weights.Length - 1 ? by : 0);
            for (int i = 0; i < x.Indices.Length; i++)
                score += (weights[x.Indices[i]] + (x.Indices[i] == moved ? by : 0)) * x.Values[i];
            double y = x.Label;
            sum += model switch
            {
                ModelKind.Linear => 0.5 * (score - y) * (score - y),
                ModelKind.Logistic => Math.Log(1 + Math.Exp(-y * score)),
                _ => Math.Max(0, 1 - y * score),
            };
        }
        return sum / data.RowCount;
    }

    private static UpdateRule Rule(OptimizerKind optimizer) => new() { Optimizer = optimizer, Schedule = new Schedule(ScheduleKind.Constant, 0.1) };

    private static int Stride(OptimizerKind optimizer) => optimizer == OptimizerKind.AdaGrad ? 2 : 1;

    // Rows in the data's own order, whatever order the block was dealt in.
    private static void Step(Dataset data, OptimizerKind optimizer, int batch, float[] replica)
    {
        int rows = (int)data.RowCount;
        using BlockSet blocks = Blocks(data, 30, LabelMap.Binary(-1, 1));
        int[] deal = new int[rows], order = new int[rows];
        RowOrder.Deal(0, 0, deal);
        for (int place = 0; place < rows; place++)
            order[deal[place]] = place;
        new LocalSteps(ModelKind.Logistic, Rule(optimizer), batch).Step(blocks[0].Rows, order, 0.1f, 30, replica, new float[rows]);
    }

    private static BlockSet Blocks(Dataset data, int features, LabelMap labels) =>
        BlockSet.Build(data, [new RowRange(0, data.RowCount)], new BlockPlan(0, 0, (int)data.RowCount, features, false, labels));

    private static Dataset Copies(Dataset data, int copies)
    {
        using var builder = new DatasetBuilder();
        for (int copy = 0; copy < copies; copy++)
        {
            for (long row = 0; row < data.RowCount; row++)
                builder.Add(data.Row(row).Label, data.Row(row).Indices, data.Row(row).Values);
        }
        return builder.Build();
    }
}
