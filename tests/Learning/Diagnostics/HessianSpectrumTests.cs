using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Models;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Tests.Diagnostics;

public sealed class HessianSpectrumTests
{
    [Fact]
    public void LeastSquaresOnOrthogonalColumns_HasTheirMeanSquaresAsEigenvalues()
    {
        // Columns (±4, 0), (0, ±1) that sum to 0: the Hessian is diag(8, ½, 1), the last for the bias.
        using var builder = new DatasetBuilder();
        builder.Add(1, [0], [4]);
        builder.Add(2, [0], [-4]);
        builder.Add(3, [1], [1]);
        builder.Add(4, [1], [-1]);
        using Dataset data = builder.Build();
        using BlockSet blocks = CheckedRows.Block(ModelKind.Linear, data, LabelMap.Identity, 2);
        SpectrumEnds plain = HessianSpectrum.Estimate(new ReferenceObjective(ModelKind.Linear, 2), blocks[0].Rows, [0.3, -1, 2]);
        Assert.Equal((8, 0.5, 16), (plain.Largest, plain.Smallest, plain.Condition), Near);
        // λ₂ lifts the weights' curvature, not the bias's: diag(10, 2½, 1).
        SpectrumEnds ridge = HessianSpectrum.Estimate(new ReferenceObjective(ModelKind.Linear, 2, 0, 2), blocks[0].Rows, [0.3, -1, 2]);
        Assert.Equal((10, 1, 10), (ridge.Largest, ridge.Smallest, ridge.Condition), Near);
        Assert.True(plain.Products > 2);
    }

    [Fact]
    public void AColumnTwice_MakesTheConditionInfinite()
    {
        using var builder = new DatasetBuilder();
        builder.Add(1, [0, 1], [2, 2]);
        builder.Add(-1, [0, 1], [-1, -1]);
        using Dataset data = builder.Build();
        using BlockSet blocks = CheckedRows.Block(ModelKind.Logistic, data, LabelMap.Binary(-1, 1), 2);
        SpectrumEnds ends = HessianSpectrum.Estimate(new ReferenceObjective(ModelKind.Logistic, 2), blocks[0].Rows, [0.1, 0.2, 0]);
        Assert.True(ends.Condition > 1e6, $"{ends}");
    }

    [Fact]
    public void ASpectrumOfManySizes_IsFoundAtBothEnds()
    {
        // Forty columns alone on their rows, with squares from 1 to 1e-4 of the largest: diag(x_j²/40) and the bias's row of small means.
        using var builder = new DatasetBuilder();
        for (uint j = 0; j < 40; j++)
        {
            float x = (float)(20 * Math.Pow(10, -j / 19.5));
            builder.Add(1, [j], [x]);
            builder.Add(-1, [j], [-x]);
        }
        using Dataset data = builder.Build();
        using BlockSet blocks = CheckedRows.Block(ModelKind.Linear, data, LabelMap.Identity, 40);
        SpectrumEnds ends = HessianSpectrum.Estimate(new ReferenceObjective(ModelKind.Linear, 40), blocks[0].Rows, new double[41]);
        Assert.Equal(10, ends.Largest, 1e-3);
        Assert.Equal(1e-3, ends.Smallest, 1e-6);
    }

    private static bool Near((double A, double B, double C) expected, (double A, double B, double C) actual) =>
        Math.Abs(expected.A - actual.A) < 1e-4 && Math.Abs(expected.B - actual.B) < 1e-4 && Math.Abs(expected.C - actual.C) < 1e-3;
}
