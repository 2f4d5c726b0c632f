using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Tests.Preprocessing;

public sealed class LeastSquaresStartTests
{
    [Theory]
    [InlineData(50, 8, 0.3)]
    [InlineData(8, 12, 0.3)]
    [InlineData(30, 5, 0)]
    public void Of_RandomRows_IsTheSolutionOfTheNormalEquations(int rows, int features, double l2)
    {
        using Dataset data = Rows(rows, features);
        float[] start = LeastSquaresStart.Of(data, features + 2, null, null, LabelMap.Identity, l2)!.Parameters;
        Assert.Equal(features + 3, start.Length);
        Assert.Equal([0f, 0f], start[features..^1]);
        // At the solution the gradient is 0: mean of (f − y) x + λ₂w, and of f − y for the bias.
        var slope = new double[features + 1];
        for (long row = 0; row < rows; row++)
        {
            SparseRow x = data.Row(row);
            double left = start[^1] - x.Label;
            for (int i = 0; i < x.Indices.Length; i++)
                left += (double)start[x.Indices[i]] * x.Values[i];
            for (int i = 0; i < x.Indices.Length; i++)
                slope[x.Indices[i]] += left * x.Values[i] / rows;
            slope[features] += left / rows;
        }
        for (int feature = 0; feature < features; feature++)
            slope[feature] += l2 * start[feature];
        Assert.All(slope, part => Assert.True(Math.Abs(part) < 1e-5, $"{part}"));
    }

    [Fact]
    public void AreMany_CountsTheFeaturesThatOccur()
    {
        using Dataset data = Rows(100, 4);
        Assert.True(LeastSquaresStart.AreMany(100, data));
        Assert.False(LeastSquaresStart.AreMany(99, data));
        Assert.False(LeastSquaresStart.AreMany(100, data, outputs: 2));
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 100; row++)
            builder.Add(row, [7, 1_000_000], [1, row]);
        using Dataset few = builder.Build();
        Assert.True(LeastSquaresStart.AreMany(100, few));
    }

    // A feature in four rows of five, so that rows lack some.
    private static Dataset Rows(int rows, int features)
    {
        var random = new SeededRandom(3);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, features).Where(_ => random.NextDouble() < 0.8).Select(feature => (uint)feature)];
            builder.Add((float)(3 + random.NextGaussian()), indices, [.. indices.Select(feature => (float)(random.NextGaussian() + feature))]);
        }
        return builder.Build();
    }
}
