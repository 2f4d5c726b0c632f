using DistSgd.Kernels;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Tests.Losses;

public sealed class LossTests
{
    [Fact]
    public void Derivatives_AtRandomScores_EqualCentralDifferencesOfTheLoss()
    {
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            double score = random.NextDouble() * 12 - 6;
            double target = random.NextDouble() * 4 - 2;
            int sign = random.Next(2) * 2 - 1;
            Check(ModelKind.Linear, new SquaredLoss().Derivative((float)score, (float)target), score, target);
            Check(ModelKind.Logistic, new LogisticLoss().Derivative((float)score, sign), score, sign);
            if (Math.Abs(sign * score - 1) > 1e-3)
                Check(ModelKind.Svm, new HingeLoss().Derivative((float)score, sign), score, sign);
        }

        static void Check(ModelKind model, float derivative, double score, double target)
        {
            const double h = 1e-6;
            double expected = (Loss(model, score + h, target) - Loss(model, score - h, target)) / (2 * h);
            Assert.True(Math.Abs(expected - derivative) <= 1e-5 * Math.Max(1, Math.Abs(expected)), $"{model}, score {score:R}, target {target:R}: {derivative:R}, expected {expected:R}");
        }
    }

    [Fact]
    public void Derivatives_AtKnownPoints_AreExact()
    {
        Assert.Equal(1.5f, new SquaredLoss().Derivative(2f, 0.5f));
        Assert.Equal(-0.5f, new LogisticLoss().Derivative(0f, 1f));
        Assert.Equal(0.5f, new LogisticLoss().Derivative(0f, -1f));
        Assert.Equal(-1f, new LogisticLoss().Derivative(-1000f, 1f));
        Assert.Equal(0f, MathF.Abs(new LogisticLoss().Derivative(1000f, 1f)));
        // At the hinge's corner the subgradient taken is 0.
        Assert.Equal((-1f, 0f, 0f), (new HingeLoss().Derivative(0.999f, 1f), new HingeLoss().Derivative(1f, 1f), new HingeLoss().Derivative(1.001f, 1f)));
        Assert.Equal((1f, 0f), (new HingeLoss().Derivative(-0.999f, -1f), new HingeLoss().Derivative(-1f, -1f)));
    }

    [Fact]
    public void LossSum_RandomScoresOfAnyLength_EqualsFloat64()
    {
        var random = new Random(2);
        foreach (int length in (int[])[0, 1, 2, 15, 16, 17, 511, 512, 513, 2000])
        {
            foreach (ModelKind model in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm])
            {
                float[] scores = [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 60 - 30))];
                float[] labels = [.. Enumerable.Range(0, length).Select(_ => model == ModelKind.Linear ? (float)random.NextDouble() : random.Next(2) * 2 - 1)];
                double expected = scores.Zip(labels, (score, label) => Loss(model, score, label)).Sum();
                double actual = LossSum.Compute(model, scores, labels);
                Assert.True(Math.Abs(expected - actual) <= 1e-6 * Math.Max(1, expected), $"{model}, {length} rows: {actual:R}, expected {expected:R}");
            }
        }
    }

    [Fact]
    public void LossSum_ExtremeScores_NeitherOverflowsNorVanishes()
    {
        Assert.Equal(1e30, LossSum.Compute(ModelKind.Logistic, [1e30f], [-1f]), 1e24);
        Assert.Equal(0, LossSum.Compute(ModelKind.Logistic, [1e30f], [1f]));
        Assert.Equal(Math.Log(2), LossSum.Compute(ModelKind.Logistic, [0f], [1f]), 1e-7);
        Assert.Equal(0.5e60, LossSum.Compute(ModelKind.Linear, [1e30f], [0f]), 1e54);
        Assert.Equal(3, LossSum.Compute(ModelKind.Svm, [-2f], [1f]));
    }

    [Fact]
    public void LossSum_OfDifferentLengths_IsRefused() =>
        Assert.Throws<ArgumentException>(() => LossSum.Compute(ModelKind.Svm, [1f], [1f, 1f]));

    private static double Loss(ModelKind model, double score, double label) => model switch
    {
        ModelKind.Linear => 0.5 * (score - label) * (score - label),
        ModelKind.Logistic => Math.Max(0, -label * score) + Math.Log(1 + Math.Exp(-Math.Abs(label * score))),
        _ => Math.Max(0, 1 - label * score),
    };
}
