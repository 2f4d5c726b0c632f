using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Tests.WorkedExamples;

/// <summary>Hinges of several classes, of several labels, and the largest margin.</summary>
public sealed class MarginExampleTests
{
    [Fact]
    public void WestonWatkins_Scores3Minus5And2AndAHalfOfClass0_IsAHalf()
    {
        // 0 for class 1, 0.5 for class 2.
        using var builder = new DatasetBuilder();
        builder.Add(0, [0], [1]);
        using Dataset data = builder.Build();
        ModelSpec model = ModelSpec.Of(ModelKind.MulticlassSvm, LossKind.WestonWatkins, 3);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 1)], new BlockPlan(0, 0, 1, 1, false, LabelMap.Identity));
        var gradient = new float[6];
        Assert.Equal(0.5, BatchGradient.Of(model).Compute(blocks[0].Rows, [0], [3, -5, 2.5f, 0, 0, 0], gradient, new float[3]));
        Assert.Equal((float[])[-1, 0, 1, -1, 0, 1], gradient);
    }

    [Fact]
    public void HammingWithHalfTheSumOfSignedFeatures_IsABinaryHingeForEachLabel()
    {
        // ψ(x,y) = ½ Σ_l y_l φ_l(x), y_l = ±1: the maximum over all 2^k answers, found by trying them, is the sum of k hinges.
        const int labels = 4;
        var random = new Random(31);
        for (int trial = 0; trial < 200; trial++)
        {
            float[] scores = [.. Enumerable.Range(0, labels).Select(_ => (float)(4 * random.NextDouble() - 2))];
            int own = random.Next(1 << labels);
            double worst = double.NegativeInfinity, hinges = 0;
            for (int answer = 0; answer < 1 << labels; answer++)
                worst = Math.Max(worst, int.PopCount(answer ^ own) + Half(scores, answer));
            for (int l = 0; l < labels; l++)
                hinges += Math.Max(0, 1 - Sign(own, l) * scores[l]);
            Assert.Equal(worst - Half(scores, own), hinges, 1e-6);
            Assert.Equal(hinges, LossOf(own, scores), 1e-5);
        }
    }

    [Fact]
    public void Svm_OnASeparableSet_ReachesTheHardMarginAsTheStrengthGoesToZero()
    {
        // The nearest points of the classes are (1, 0) and (3, 0): w = (1, 0), b = −2, margin 2/‖w‖ = 2.
        using var builder = new DatasetBuilder();
        foreach ((float y, float a, float b) in ((float, float, float)[])[(-1, 1, 0), (-1, 0, 2), (-1, 0.5f, -2), (1, 3, 0), (1, 4, 1), (1, 5, -2)])
            builder.Add(y, [0, 1], [a, b]);
        using Dataset data = builder.Build();
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 6)], new BlockPlan(0, 0, 6, 2, false, LabelMap.Binary(-1, 1)));
        double before = double.PositiveInfinity;
        foreach (double strength in (double[])[1, 0.4, 1e-3])
        {
            double[] w = Solve(blocks[0].Rows, strength);
            double margin = 2 / Math.Sqrt(w[0] * w[0] + w[1] * w[1]);
            Assert.True(margin < 0.98 * before, $"λ {strength}: margin {margin}, before {before}");
            before = margin;
            if (strength > 1e-3)
                continue;
            Assert.Equal(2, margin, 0.02);
            Assert.Equal(-2, w[2] / w[0], 0.02);
        }
    }

    // Subgradient descent, averaged over its second half.
    private static double[] Solve(in SparseRows rows, double strength)
    {
        const int steps = 200_000;
        double[] w = new double[3], mean = new double[3];
        var objective = new ReferenceObjective(ModelKind.Svm, 2, l2: strength);
        for (int t = 0; t < steps; t++)
        {
            double[] gradient = objective.Gradient(rows, w);
            for (int i = 0; i < 3; i++)
            {
                w[i] -= 0.5 / Math.Sqrt(1 + t) * gradient[i];
                mean[i] += t >= steps / 2 ? w[i] / (steps / 2) : 0;
            }
        }
        return mean;
    }

    private static double LossOf(int own, float[] scores)
    {
        using var builder = new DatasetBuilder();
        builder.Add([.. Enumerable.Range(0, scores.Length).Where(l => Sign(own, l) > 0).Select(l => (float)l)], [0], [1]);
        using Dataset data = builder.Build();
        ModelSpec model = ModelSpec.Of(ModelKind.StructuredSvm, LossKind.Hamming, scores.Length);
        LabelMap labels = LabelMap.OfClasses([.. Enumerable.Range(0, scores.Length).Select(l => (float)l)]);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 1)], new BlockPlan(0, 0, 1, 1, false, labels) { Targets = model.Targets });
        return BatchGradient.Of(model).Compute(blocks[0].Rows, [0], [.. scores, .. new float[scores.Length]], new float[2 * scores.Length], new float[scores.Length]);
    }

    private static double Half(float[] scores, int answer) => 0.5 * scores.Select((score, l) => Sign(answer, l) * score).Sum();

    private static int Sign(int answer, int label) => (answer >> label & 1) == 1 ? 1 : -1;
}
