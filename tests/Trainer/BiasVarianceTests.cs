using DistSgd.Trainer.Studies;

namespace DistSgd.Trainer.Tests;

public sealed class BiasVarianceTests
{
    [Fact]
    public async Task OnNoiselessTruth_TheErrorIsBiasSquaredPlusVariance_BiasFallsAndVarianceGrowsWithTheModel()
    {
        IReadOnlyList<BiasVariancePoint> points = await BiasVariance.MeasureAsync(sets: 20, rows: 30, sizeMax: 7, seed: 3, CancellationToken.None);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], points.Select(point => point.Size));
        Assert.All(points, point => Assert.Equal(point.ErrorOut, point.BiasSquared + point.Variance, 1e-12));
        Assert.True(points[6].BiasSquared < 0.2 * points[0].BiasSquared, $"bias² {points[0].BiasSquared} to {points[6].BiasSquared}");
        Assert.True(points[6].Variance > 1.5 * points[0].Variance, $"variance {points[0].Variance} to {points[6].Variance}");
    }

    [Fact]
    public void Decompose_OfTwoSets_IsWhatHandComputes()
    {
        // Truth 1; predictions 2 and 4: mean 3, bias² 4, variance 1, error (1 + 9)/2 = 5.
        Assert.Equal(new BiasVariancePoint(9, 4, 1, 5), BiasVariance.Decompose(9, [[2], [4]], [1]));
    }
}
