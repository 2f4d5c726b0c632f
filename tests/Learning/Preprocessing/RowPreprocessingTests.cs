using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Tests.Preprocessing;

public sealed class RowPreprocessingTests
{
    [Fact]
    public void Eigenvectors_OfACancelledCall_AreGivenUp() =>
        Assert.Throws<OperationCanceledException>(() => SymmetricEigen.Solve(new double[,] { { 1, 2 }, { 2, 1 } }, new CancellationToken(canceled: true)));

    [Fact]
    public void NormalizedRows_HaveLengthOne_AndZeroRowsStay()
    {
        using Dataset data = Build([[3, 0, 4], [0, 0, 0], [0, -2, 0]]);
        using Dataset normalized = new RowPreprocessing { Normalizes = true }.Apply(data);
        Assert.Equal([0.6f, 0.8f], normalized.Row(0).Values.ToArray());
        Assert.Equal(0, normalized.Row(1).Values.Length);
        Assert.Equal([-1f], normalized.Row(2).Values.ToArray());
        Assert.Same(normalized, new RowPreprocessing { Normalizes = true }.Apply(normalized));
    }

    [Fact]
    public void HashedFeatures_KeepTheirSums_AndDependOnTheSeedOnly()
    {
        using var builder = new DatasetBuilder();
        builder.Add(1, [.. Enumerable.Range(0, 200).Select(i => (uint)(i * 1_000_003))], [.. Enumerable.Range(0, 200).Select(i => (float)i)]);
        using Dataset data = builder.Build();
        var steps = new RowPreprocessing { HashBits = 6, HashSeed = 9 };
        using Dataset hashed = steps.Apply(data), again = steps.Apply(data), other = (steps with { HashSeed = 10 }).Apply(data);
        Assert.Equal(64, hashed.FeatureCount);
        Assert.Equal(199 * 100, hashed.Row(0).Values.ToArray().Sum());
        Assert.True(hashed.Row(0).Indices.ToArray().Zip(hashed.Row(0).Indices.ToArray().Skip(1)).All(pair => pair.First < pair.Second));
        Assert.Equal(hashed.Row(0).Values.ToArray(), again.Row(0).Values.ToArray());
        Assert.NotEqual(hashed.Row(0).Values.ToArray(), other.Row(0).Values.ToArray());
    }

    [Fact]
    public void WhitenedRows_HaveZeroMeanAndTheIdentityAsCovariance()
    {
        var random = new SeededRandom(3);
        const int features = 12, rows = 500;
        double[][] mix = [.. Enumerable.Range(0, features).Select(_ => Enumerable.Range(0, features).Select(_ => random.NextGaussian()).ToArray())];
        using Dataset data = Build([.. Enumerable.Range(0, rows).Select(_ =>
        {
            double[] source = [.. Enumerable.Range(0, features).Select(_ => random.NextGaussian())];
            return (float[])[.. mix.Select((row, j) => (float)(row.Zip(source, (a, b) => a * b).Sum() + j))];
        })]);
        foreach (int components in (int[])[features, 5])
        {
            RowPreprocessing steps = RowPreprocessing.Whitened(RowPreprocessing.None, data, components);
            using Dataset white = steps.Apply(data);
            Assert.Equal(components, white.FeatureCount);
            for (int a = 0; a < components; a++)
            {
                Assert.Equal(0, Mean(white, row => row[a]), 1e-4);
                for (int b = 0; b <= a; b++)
                    Assert.Equal(a == b ? 1 : 0, Mean(white, row => row[a] * row[b]), 1e-3);
            }
        }
    }

    [Fact]
    public void Whitening_KeepsTheDirectionsOfLargestVarianceOnly()
    {
        using Dataset data = Build([.. Enumerable.Range(0, 100).Select(i => (float[])[i % 10, 100 * (i % 7), 3])]);
        Whitening whitening = RowPreprocessing.Whitened(RowPreprocessing.None, data, 3).Whitening!;
        Assert.Equal(2, whitening.Components); // the third feature is constant
        Assert.True(Math.Abs(whitening.Matrix[1]) > 100 * Math.Abs(whitening.Matrix[0]));
        Assert.Throws<ArgumentException>(() => Whitening.From([1], [1, float.NaN]));
    }

    [Theory]
    [InlineData(ScalingKind.Standard)]
    [InlineData(ScalingKind.Range)]
    [InlineData(ScalingKind.MaxAbs)]
    public void EveryColumnScaled_IsAsItsNameSays(ScalingKind kind)
    {
        using Dataset data = Build([[1, -4, 0, 7], [3, 0, 5, 7], [5, 2, 0, 7], [11, 8, 1, 7]]);
        FeatureScaling scaling = FeatureScaling.Fit(data, 4, kind, strengthGiven: true)!;
        var transform = new RowTransform(scaling);
        var scaled = new float[4][];
        for (int row = 0; row < 4; row++)
        {
            transform.Apply(data.Row(row).Indices, data.Row(row).Values);
            scaled[row] = new float[4];
            for (int i = 0; i < transform.Indices.Length; i++)
                scaled[row][transform.Indices[i]] = transform.Values[i];
        }
        for (int column = 0; column < 3; column++)
        {
            float[] values = [.. scaled.Select(row => row[column])];
            if (kind == ScalingKind.Standard)
                Assert.Equal((0, 1), (values.Average(), values.Average(value => value * value)), ((double, double) x, (double, double) y) => Math.Abs(x.Item1 - y.Item1) < 1e-6 && Math.Abs(x.Item2 - y.Item2) < 1e-5);
            else if (kind == ScalingKind.Range)
                Assert.Equal((0f, 1f), (values.Min(), values.Max()));
            else
                Assert.Equal(1f, values.Max(Math.Abs));
        }
        if (kind == ScalingKind.MaxAbs)
            Assert.Equal(0f, scaled[0][2]);
        // The trained parameters, turned back, give the same scores.
        float[] parameters = [0.5f, -1, 2, 0.25f, 0.1f], back = [.. parameters];
        scaling.ToOriginal(back);
        for (int row = 0; row < 4; row++)
        {
            float[] x = [.. Enumerable.Range(0, 4).Select(j => data.Row(row).Indices.IndexOf((uint)j) is >= 0 and var at ? data.Row(row).Values[at] : 0)];
            Assert.Equal(scaled[row].Zip(parameters, (a, b) => a * b).Sum() + parameters[4], x.Zip(back, (a, b) => a * b).Sum() + back[4], 1e-4f);
        }
        float[] there = [.. back];
        scaling.ToScaled(there);
        Assert.All(there.Zip(parameters), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
    }

    private static double Mean(Dataset data, Func<float[], double> of) => Enumerable.Range(0, (int)data.RowCount).Average(row => of(data.Row(row).Values.ToArray()));

    private static Dataset Build(float[][] rows)
    {
        using var builder = new DatasetBuilder();
        foreach (float[] row in rows)
        {
            uint[] indices = [.. Enumerable.Range(0, row.Length).Where(j => row[j] != 0).Select(j => (uint)j)];
            builder.Add(1, indices, [.. indices.Select(j => row[j])]);
        }
        return builder.Build();
    }
}
