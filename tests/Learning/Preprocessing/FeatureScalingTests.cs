using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Tests.Preprocessing;

public sealed class FeatureScalingTests
{
    [Fact]
    public void ToOriginal_OfAModelOfScaledRows_GivesTheSameScoresOnTheRowsThemselves()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            using Dataset data = RandomData.Build(60, 9, seed % 2 == 0 ? 1 : 0.4, seed);
            FeatureScaling scaling = FeatureScaling.Fit(data, 9, ScalingKind.On, strengthGiven: false)!;
            var random = new Random(seed);
            float[] trained = [.. Enumerable.Range(0, 10).Select(_ => (float)(random.NextDouble() * 2 - 1))];
            float[] original = [.. trained];
            scaling.ToOriginal(original);
            var transform = new RowTransform(scaling);
            for (long row = 0; row < data.RowCount; row++)
            {
                SparseRow x = data.Row(row);
                transform.Apply(x.Indices, x.Values);
                double expected = Score(trained, transform.Indices, transform.Values), actual = Score(original, x.Indices, x.Values);
                Assert.True(Math.Abs(expected - actual) <= 1e-5 * (1 + Math.Abs(expected)), $"seed {seed}, row {row}: {actual:R}, expected {expected:R}");
            }
        }
    }

    [Fact]
    public void Fit_DenseColumns_GetZeroMeanAndUnitVariance()
    {
        using Dataset data = RandomData.Build(400, 6, 1, seed: 1);
        FeatureScaling scaling = FeatureScaling.Fit(data, 6, ScalingKind.On, strengthGiven: true)!;
        double[] sums = new double[6], squares = new double[6];
        var transform = new RowTransform(scaling);
        for (long row = 0; row < data.RowCount; row++)
        {
            transform.Apply(data.Row(row).Indices, data.Row(row).Values);
            for (int i = 0; i < transform.Indices.Length; i++)
            {
                sums[transform.Indices[i]] += transform.Values[i];
                squares[transform.Indices[i]] += (double)transform.Values[i] * transform.Values[i];
            }
        }
        Assert.All(sums, sum => Assert.Equal(0, sum / 400, 1e-5));
        Assert.All(squares, square => Assert.Equal(1, square / 400, 1e-4));
    }

    [Fact]
    public void Fit_SparseColumns_KeepTheirZerosAndGetUnitRootMeanSquare()
    {
        using Dataset data = RandomData.Build(400, 6, 0.2, seed: 2);
        FeatureScaling scaling = FeatureScaling.Fit(data, 6, ScalingKind.On, strengthGiven: true)!;
        ColumnStatistics columns = ColumnStatistics.Of(data, 6, data.RowCount);
        Assert.All(scaling.Means.ToArray(), mean => Assert.Equal(0f, mean));
        Assert.Empty(scaling.DenseColumns);
        for (int j = 0; j < 6; j++)
            Assert.Equal(1, columns.RootMeanSquare(j) * scaling.InverseScales[j], 1e-5);
    }

    [Fact]
    public void Fit_Off_ScalesNothing_AndAutoLeavesEvenSparseColumnsAlone()
    {
        using Dataset data = RandomData.Build(400, 6, 0.2, seed: 3);
        Assert.Null(FeatureScaling.Fit(data, 6, ScalingKind.Off, strengthGiven: false));
        Assert.Null(FeatureScaling.Fit(data, 6, ScalingKind.Auto, strengthGiven: false));
    }

    [Fact]
    public void Fit_Auto_ScalesColumnsOfVeryDifferentSizeEvenIfTheStrengthIsGiven()
    {
        using var builder = new DatasetBuilder();
        var random = new Random(4);
        for (int row = 0; row < 200; row++)
            builder.Add(random.Next(2) * 2 - 1, [0, 1], [(float)random.NextDouble() + 0.5f, 1000 * (float)random.NextDouble()]);
        using Dataset data = builder.Build();
        Assert.NotNull(FeatureScaling.Fit(data, 2, ScalingKind.Auto, strengthGiven: true));
    }

    [Fact]
    public void Fit_ConstantColumn_IsNotDividedByItsVarianceOfZero()
    {
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 50; row++)
            builder.Add(row % 2 * 2 - 1, [0, 1], [3f, row]);
        using Dataset data = builder.Build();
        FeatureScaling scaling = FeatureScaling.Fit(data, 2, ScalingKind.On, strengthGiven: false)!;
        Assert.Equal((3f, 1f), (scaling.Means[0], scaling.InverseScales[0]));
        Assert.All(scaling.InverseScales.ToArray(), scale => Assert.True(float.IsFinite(scale) && scale > 0));
    }

    [Fact]
    public void Transform_WithoutScaling_LeavesRowsAsTheyAre()
    {
        var transform = new RowTransform(null);
        transform.Apply([1, 5], [2f, 0f]);
        Assert.Equal((uint[])[1, 5], transform.Indices.ToArray());
        Assert.Equal((float[])[2f, 0f], transform.Values.ToArray());
    }

    [Fact]
    public void Transform_RowThatLacksACentredColumn_HasItsMeanThere()
    {
        var transform = new RowTransform(FeatureScaling.From([0.5f, 0f, -2f], [2f, 10f, 1f]));
        transform.Apply([1], [3f]);
        Assert.Equal((uint[])[0, 1, 2], transform.Indices.ToArray());
        Assert.Equal((float[])[-1f, 30f, 2f], transform.Values.ToArray());
        transform.Apply([0], [0.5f]);
        Assert.Equal((uint[])[2], transform.Indices.ToArray());
    }

    [Fact]
    public void From_ArraysOfDifferentLength_AreRefused() => Assert.Throws<ArgumentException>(() => FeatureScaling.From([1f], [1f, 2f]));

    [Fact]
    public void Statistics_OfAllRows_AreThoseOfTheColumns()
    {
        using var builder = new DatasetBuilder();
        builder.Add(1, [0, 2], [1f, 4f]);
        builder.Add(1, [0], [3f]);
        builder.Add(1, [3], [9f]);
        using Dataset data = builder.Build();
        ColumnStatistics columns = ColumnStatistics.Of(data, 3, 100);
        Assert.Equal((int[])[2, 0, 1], columns.Counts);
        Assert.Equal((3, 4.0 / 3), (columns.Rows, columns.NonZerosPerRow));
        Assert.Equal(4.0 / 3, columns.Mean(0), 1e-12);
        Assert.Equal(10.0 / 3 - 16.0 / 9, columns.Variance(0), 1e-12);
        Assert.Equal((Math.Sqrt(5), 0, 4), (columns.RootMeanSquare(0), columns.RootMeanSquare(1), columns.RootMeanSquare(2)));
    }

    [Fact]
    public void RateDefaults_OfASmallSet_AreTheHandComputedOnes()
    {
        using var builder = new DatasetBuilder();
        builder.Add(1, [0, 1], [3f, 4f]);
        builder.Add(-1, [0], [1f]);
        builder.Add(1, [], []);
        builder.Add(1, [], []);
        using Dataset data = builder.Build();
        RateDefaults defaults = RateDefaults.Of(data, LabelMap.Binary(-1, 1), null);
        // ‖x‖² is 25, 1, 0, 0; ‖x‖₁ is 7, 1, 0, 0; targets are 1, −1, 1, 1.
        Assert.Equal((26 / 4.0 + 1, 26, 2, 0.5), (defaults.NormSquare, defaults.NormSquareMax, defaults.Magnitude, defaults.TargetMean));
        Assert.Equal(Math.Sqrt(0.75), defaults.TargetDeviation, 1e-12);
        // The largest |x'| are 4, 1, 0, 0: all but the largest stay below 1; of 8 places 3 are filled.
        Assert.Equal((1, 0.375), (defaults.Reach, defaults.Density));
        Assert.Equal(Math.Sqrt(0.375), defaults.BiasShare, 1e-6);
        Assert.Equal(1 / 7.5, defaults.Rate(ModelKind.Logistic, OptimizerKind.Sgd), 1e-12);
        Assert.Equal(0.5 / 7.5, defaults.Rate(ModelKind.Svm, OptimizerKind.Sgd), 1e-12);
        Assert.Equal(0.25 / 7.5, defaults.Rate(ModelKind.Linear, OptimizerKind.Sgd), 1e-12);
        Assert.Equal(1, defaults.Rate(ModelKind.Logistic, OptimizerKind.AdaGrad));
        Assert.Equal(Math.Sqrt(0.75), defaults.Rate(ModelKind.Linear, OptimizerKind.AdaGrad), 1e-12);
        Assert.Equal(Math.Log(3), defaults.Bias(ModelKind.Logistic)[0], 1e-6);
        Assert.Equal(1f, defaults.Bias(ModelKind.Svm)[0]);
        Assert.Equal(0.5f, defaults.Bias(ModelKind.Linear)[0]);
    }

    [Fact]
    public void RateDefaults_ColumnsStandardizedThoughTheyAreSparse_GiveAdaptiveRulesASmallRate()
    {
        // One row in fifty holds the only feature: its standard score there is 7.
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 1_000; row++)
            builder.Add(row % 2 == 0 ? 1 : -1, row % 50 == 0 ? [0u] : [], row % 50 == 0 ? [1f] : []);
        using Dataset data = builder.Build();
        FeatureScaling standard = FeatureScaling.Fit(data, 1, ScalingKind.Standard, strengthGiven: false)!;
        RateDefaults plain = RateDefaults.Of(data, LabelMap.Binary(-1, 1), null), scaled = RateDefaults.Of(data, LabelMap.Binary(-1, 1), standard);
        Assert.Equal(1, plain.Rate(ModelKind.Logistic, OptimizerKind.AdaGrad));
        Assert.Equal(2 / 7.0, scaled.Rate(ModelKind.Logistic, OptimizerKind.AdaGrad), 1e-6);
        Assert.Equal((1f, (float)Math.Sqrt(0.02)), (scaled.BiasShare, plain.BiasShare));
    }

    [Fact]
    public void RateDefaults_OneClassOnly_StartTheBiasAtABound()
    {
        using Dataset data = RandomData.Build(10, 3, 0.5, seed: 5, label: _ => 1);
        Assert.Equal(5f, RateDefaults.Of(data, LabelMap.Binary(-1, 1), null).Bias(ModelKind.Logistic)[0]);
    }

    private static double Score(float[] parameters, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        double score = parameters[^1];
        for (int i = 0; i < indices.Length; i++)
            score += (double)parameters[indices[i]] * values[i];
        return score;
    }
}
