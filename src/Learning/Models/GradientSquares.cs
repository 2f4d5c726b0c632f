using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Models;

/// <summary>Σ g² of every parameter over a data set at fixed parameters, one gradient a row: what AdaGrad would have summed in a pass that changes nothing.</summary>
public static class GradientSquares
{
    /// <summary>Sums over all rows.</summary>
    /// <param name="model">A model whose rows have one label each.</param>
    /// <param name="parameters">In the scaling's units, k a key, the biases last.</param>
    /// <param name="data">The rows.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="scaling">Null: none.</param>
    /// <param name="weighting">Null: none.</param>
    /// <returns>As many numbers as there are parameters; all 0 for models whose rows are not learned one by one.</returns>
    public static float[] Sum(ModelSpec model, ReadOnlySpan<float> parameters, Dataset data, LabelMap labels, FeatureScaling? scaling, RowWeighting? weighting)
    {
        var sums = new float[parameters.Length];
        if (model.IsRanking || model.IsMultiLabel) return sums;
        int outputs = model.Outputs, features = parameters.Length / outputs - 1;
        var transform = new RowTransform(scaling);
        var (scores, slopes) = (new float[outputs], new float[outputs]);
        for (long row = 0; row < data.RowCount; row++)
        {
            SparseRow x = data.Row(row);
            transform.Apply(x.Indices, x.Values);
            WideScores.Compute(parameters[..^outputs], transform.Indices, transform.Values, parameters[^outputs..], scores);
            Slopes(model, scores, labels.ToLearning(x.Label, row), slopes);
            float weight = weighting?.Of(data, labels, row) ?? 1;
            for (int output = 0; output < outputs; output++)
            {
                float slope = slopes[output] * weight;
                for (int i = 0; i < transform.Indices.Length; i++)
                    sums[(int)transform.Indices[i] * outputs + output] += slope * transform.Values[i] * slope * transform.Values[i];
                sums[features * outputs + output] += slope * slope;
            }
        }
        return sums;
    }

    private static void Slopes(ModelSpec model, float[] scores, float label, float[] slopes)
    {
        if (model.HasClassScores)
        {
            var wide = new Wide(scores, label, slopes);
            OutputLoss.Dispatch(model, weighted: false, ref wide);
            return;
        }
        var one = new One(scores[0], label, slopes);
        ScoreLoss.Dispatch(model, ref one);
    }

    private readonly struct One(float score, float label, float[] slopes) : IScoreLossVisitor
    {
        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IScoreLoss => slopes[0] = loss.Derivative(score, label);
    }

    private readonly struct Wide(float[] scores, float label, float[] slopes) : IOutputLossVisitor
    {
        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IOutputLoss
        {
            if (!loss.Derivative(new SparseRows([0, 0], [], [], [label]), 0, scores, slopes, out _))
                slopes.AsSpan().Clear();
        }
    }
}
