using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Tests.Models;

public sealed class EvaluationTests
{
    [Fact]
    public void Scores_AnyNumberOfThreads_AreTheSameBits()
    {
        using Dataset data = RandomData.Build(9_000, 20, 0.2, seed: 1);
        float[] parameters = [.. Enumerable.Range(0, 21).Select(i => i * 0.1f - 1)];
        float[] one = Evaluation.Scores(ModelKind.Linear, parameters, data, 1, out long ignored);
        Assert.Equal(0, ignored);
        Assert.Equal(one, Evaluation.Scores(ModelKind.Linear, parameters, data, 4, out _));
        for (long row = 0; row < data.RowCount; row += 577)
        {
            SparseRow x = data.Row(row);
            double expected = parameters[20];
            for (int i = 0; i < x.Indices.Length; i++)
                expected += (double)parameters[x.Indices[i]] * x.Values[i];
            Assert.Equal(expected, one[row], 1e-5);
        }
    }

    [Fact]
    public void Scores_FeaturesTheModelDoesNotKnow_CountAsZeroAndAreCounted()
    {
        using var builder = new DatasetBuilder();
        builder.Add(1, [0, 2, 9], [1f, 5f, 7f]);
        builder.Add(-1, [3], [2f]);
        using Dataset data = builder.Build();
        Assert.Equal((float[])[2.5f, 0.5f], Evaluation.Scores(ModelKind.Linear, (float[])[2f, 1f, 0.5f], data, 1, out long ignored));
        Assert.Equal(3, ignored);
    }

    [Fact]
    public void Compute_SmallSet_GivesTheHandComputedFigures()
    {
        using var builder = new DatasetBuilder();
        foreach ((float label, float x) in ((float, float)[])[(1, 2), (1, -1), (-1, -3), (-1, 0.5f)])
            builder.Add(label, [0], [x]);
        using Dataset data = builder.Build();
        float[] parameters = [1f, 0f];
        EvaluationResult svm = Evaluation.Compute(ModelKind.Svm, parameters, data, LabelMap.Binary(-1, 1), 2);
        Assert.Equal((4, (0 + 2 + 0 + 1.5) / 4, 0.5, null), (svm.Rows, svm.Loss, svm.Accuracy, svm.Rmse));
        // Of the four pairs (positive, negative) only (−1, 0.5) is in the wrong order.
        Assert.Equal(0.75, svm.Auc!.Value, 1e-12);
        EvaluationResult linear = Evaluation.Compute(ModelKind.Linear, parameters, data, LabelMap.Identity, 2);
        Assert.Equal((0.5 * (1 + 4 + 4 + 2.25) / 4, null, null), (linear.Loss, linear.Accuracy, linear.Auc));
        Assert.Equal(Math.Sqrt(11.25 / 4), linear.Rmse!.Value, 1e-6);
    }

    [Fact]
    public void Compute_ThreeClasses_GivesTheHandComputedFigures()
    {
        using var builder = new DatasetBuilder();
        foreach ((float label, uint feature) in ((float, uint)[])[(1, 0), (1, 1), (5, 1), (9, 2), (9, 2), (9, 0)])
            builder.Add(label, [feature], [1f]);
        using Dataset data = builder.Build();
        // Feature j speaks for class j.
        float[] parameters = [2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0];
        EvaluationResult result = Evaluation.Compute(ModelSpec.Of(ModelKind.MulticlassSvm, outputs: 3), parameters, data, LabelMap.OfClasses([1, 5, 9]), 2);
        Assert.Equal((6, 4.0 / 6, null, null), (result.Rows, result.Accuracy, result.Auc, result.LogLoss));
        Assert.Equal((3.0 + 3.0) / 6, result.Loss, 1e-7);
        Assert.Equal(
            [(1f, 2L, 0.5, 0.5), (5f, 1L, 0.5, 1.0), (9f, 3L, 1.0, 2.0 / 3)],
            result.Classes.Select(one => (one.Label, one.Rows, one.Precision, one.Recall)));
        Assert.Equal((0.5 + 2.0 / 3 + 0.8) / 3, result.MacroF1!.Value, 1e-12);
        EvaluationResult softmax = Evaluation.Compute(ModelSpec.Of(ModelKind.Softmax, outputs: 3), parameters, data, LabelMap.OfClasses([1, 5, 9]), 1);
        double right = Math.Log(1 + 2 * Math.Exp(-2)), wrong = Math.Log(Math.Exp(2) + 2);
        Assert.Equal((4 * right + 2 * wrong) / 6, softmax.LogLoss!.Value, 1e-6);
    }

    [Fact]
    public void Compute_OneClassOnly_HasNoAuc()
    {
        using Dataset data = RandomData.Build(10, 3, 0.5, seed: 2, label: _ => 1);
        Assert.Null(Evaluation.Compute(ModelKind.Logistic, new float[4], data, LabelMap.Binary(-1, 1), 1).Auc);
    }

    [Fact]
    public void Compute_LabelTheMapDoesNotKnow_IsRefused()
    {
        using Dataset data = RandomData.Build(10, 3, 0.5, seed: 3, label: _ => 7);
        LabelException refused = Assert.Throws<LabelException>(() => Evaluation.Compute(ModelKind.Logistic, new float[4], data, LabelMap.Binary(-1, 1), 1));
        Assert.Contains("7", refused.Message, StringComparison.Ordinal);
    }
}
