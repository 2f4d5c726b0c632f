using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Tests.Diagnostics;

public sealed class GradientCheckTests
{
    [Fact]
    public void EveryModelLossAndRegulariser_PassesInBothPrecisions()
    {
        var checkedLosses = new HashSet<LossKind>();
        foreach (ModelSpec model in GradientCheck.Models(CheckedRows.Classes))
        {
            checkedLosses.Add(model.Loss);
            foreach (long seed in (long[])[1, 2, 3])
            {
                using Dataset data = CheckedRows.Draw(model, seed);
                using BlockSet blocks = CheckedRows.Block(model, data, Labels(model, data), CheckedRows.Features);
                foreach (CheckedRegularizer regularizer in GradientCheck.Regularizers)
                {
                    GradientFinding finding = GradientCheck.Check(model, regularizer, blocks[0], CheckedRows.Features, seed);
                    Assert.True(finding.Passes, $"{model}, {regularizer.Name}, seed {seed}: float64 {finding.Float64Error:G3}, float32 {finding.Float32Error:G3}");
                }
            }
        }
        Assert.Equal(Enum.GetValues<LossKind>().Length, checkedLosses.Count);
    }

    [Fact]
    public void Errors_BeyondRounding_DoNotPass()
    {
        var finding = new GradientFinding(ModelKind.Logistic, GradientCheck.Regularizers[0], 1e-9, 1e-6);
        Assert.True(finding.Passes);
        Assert.False((finding with { Float64Error = 2e-7 }).Passes);
        Assert.False((finding with { Float32Error = 2e-4 }).Passes);
        Assert.False((finding with { Float32Error = double.NaN }).Passes);
    }

    private static LabelMap Labels(ModelSpec model, Dataset data) =>
        model.IsMultiLabel ? LabelMap.OfClasses(data.SetLabels) : model.IsBinary ? LabelMap.ForClassification(data.Labels) : model.HasClassScores ? LabelMap.ForClasses(data.Labels) : LabelMap.Identity;
}
