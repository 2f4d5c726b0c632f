using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Tests.WorkedExamples;

public sealed class DescentExampleTests
{
    [Fact]
    public void TenCopiesOfASet_OneUnshuffledEpochOfOnlineSteps_EqualsTenEpochsOverTheSetBitForBit()
    {
        foreach (OptimizerKind optimizer in UpdateRules.All.Where(rule => rule.Facts.IsAdditive).Select(rule => rule.Kind))
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
        foreach (OptimizerKind optimizer in UpdateRules.All.Where(rule => rule.Facts.IsAdditive).Select(rule => rule.Kind))
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
    public void LogSumOfExponentials_WithZeroInsideTheHull_IsDescendedToAGradientBelow1e6()
    {
        // J(θ) = log Σ exp(aᵢᵀθ + bᵢ): no closed form; the aᵢ lie around 0, so that a minimiser exists.
        double[][] a = [[2, 1], [-1, 2], [-2, -1.5], [1.5, -2]];
        double[] b = [0.3, -1, 2, 0.5], theta = [4, -3];
        ModelSpec softmax = ModelSpec.Of(ModelKind.Softmax, outputs: a.Length);
        double norm = double.PositiveInfinity;
        int steps = 0;
        for (; steps < 1000 && norm >= 1e-6; steps++)
        {
            double[] gradient = Gradient(theta);
            norm = Math.Sqrt(gradient.Sum(part => part * part));
            theta = [.. theta.Zip(gradient, (value, part) => value - 0.2 * part)];
        }
        Assert.True(norm < 1e-6, $"after {steps} steps the gradient's norm is {norm:G3}");
        Assert.True(steps > 10);
        double least = Value(theta);
        for (int direction = 0; direction < 8; direction++)
            Assert.True(Value([theta[0] + 0.01 * Math.Cos(direction * Math.PI / 4), theta[1] + 0.01 * Math.Sin(direction * Math.PI / 4)]) > least);

        double[] Scores(double[] at) => [.. a.Select((row, i) => row[0] * at[0] + row[1] * at[1] + b[i])];

        // The softmax loss of class 0 is log Σ exp(f) − f₀, its slopes are p − (1, 0, 0, …).
        double Value(double[] at) => ReferenceLoss.Classes(softmax, 0, Scores(at), new double[a.Length]) + Scores(at)[0];

        double[] Gradient(double[] at)
        {
            var slopes = new double[a.Length];
            ReferenceLoss.Classes(softmax, 0, Scores(at), slopes);
            slopes[0]++;
            return [slopes.Zip(a, (p, row) => p * row[0]).Sum(), slopes.Zip(a, (p, row) => p * row[1]).Sum()];
        }
    }

    [Fact]
    public void LinearRegression_Gradient_IsMinusTheMeanOfResidualTimesRow()
    {
        using Dataset data = RandomData.Build(20, 12, 0.4, seed: 4);
        using BlockSet blocks = Blocks(data, 12, LabelMap.Identity);
        var random = new Random(5);
        float[] weights = [.. Enumerable.Range(0, 13).Select(_ => (float)(random.NextDouble() - 0.5))], gradient = new float[13];
        new LocalSteps(ModelKind.Linear, Rule(OptimizerKind.Sgd), 20).Gradient(blocks[0].Rows, [.. Enumerable.Range(0, 20)], weights, gradient, new float[20]);
        var expected = new double[13];
        for (long row = 0; row < 20; row++)
        {
            SparseRow x = data.Row(row);
            double residual = x.Label - weights[12];
            for (int i = 0; i < x.Indices.Length; i++)
                residual -= weights[x.Indices[i]] * x.Values[i];
            for (int i = 0; i < x.Indices.Length; i++)
                expected[x.Indices[i]] -= residual * x.Values[i] / 20;
            expected[12] -= residual / 20;
        }
        for (int key = 0; key < 13; key++)
            Assert.Equal(expected[key], gradient[key], 1e-6);
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
