using DistSgd.Learning.Metrics;

namespace DistSgd.Learning.Tests.Metrics;

public sealed class MetricsTests
{
    [Fact]
    public void RocAuc_RandomScoresWithTies_EqualsCountingAllPairs()
    {
        var random = new Random(4);
        for (int round = 0; round < 300; round++)
        {
            int n = random.Next(2, 60);
            float[] scores = [.. Enumerable.Range(0, n).Select(_ => (float)random.Next(-8, 8))];
            float[] labels = [.. Enumerable.Range(0, n).Select(_ => random.Next(2) == 0 ? -1f : 1f)];
            double right = 0, pairs = 0;
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++)
                {
                    if (labels[i] < 0 || labels[j] > 0) continue;
                    pairs++;
                    right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
                }
            double auc = RocAuc.Of(scores, labels);
            if (pairs == 0) Assert.True(double.IsNaN(auc));
            else Assert.Equal(right / pairs, auc, 1e-12);
        }
    }

    [Fact]
    public void Accuracy_ScoreZeroIsNegative() => Assert.Equal(0.75, Accuracy.Of([1, -2, 0, 0], [1, -1, -1, 1]));

    [Fact]
    public void RegressionError_HandComputed()
    {
        Assert.Equal(Math.Sqrt(5.0 / 3), RegressionError.RootMeanSquare([1, 2, 5], [2, 2, 3]), 1e-15);
        Assert.Equal(1 - (5.0 / (2.0 / 3)), RegressionError.RSquared([1, 2, 5], [2, 2, 3]), 1e-12);
        Assert.True(double.IsNaN(RegressionError.RSquared([1, 2], [3, 3])));
        Assert.Throws<ArgumentException>(() => RegressionError.RootMeanSquare([1], [1, 2]));
    }
}
