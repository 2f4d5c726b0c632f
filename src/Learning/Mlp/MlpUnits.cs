using DistSgd.Kernels;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Mlp;

/// <summary>From a network of scaled columns and targets to the same network of the data as it is.</summary>
public static class MlpUnits
{
    /// <summary>Turns parameters, in place.</summary>
    /// <param name="shape">The network.</param>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="columns">How columns were scaled; null: not.</param>
    /// <param name="targets">How targets were scaled; null: not.</param>
    public static void ToOriginal(MlpShape shape, Span<float> parameters, FeatureScaling? columns, TargetScaling? targets)
    {
        Span<float> first = parameters[..^shape.TailLength], tail = parameters[^shape.TailLength..];
        MlpLayerShape lowest = shape.Layers[0], last = shape.Layers[^1];
        if (columns is not null && !lowest.IsNormalized)
        {
            columns.ToOriginal(first, lowest.Columns, tail.Slice(lowest.Bias, lowest.Columns));
        }
        else if (columns is not null)
        {
            // Batch normalisation takes the mean off where others add a bias.
            Span<float> means = tail.Slice(lowest.Mean, lowest.Columns);
            Scale.Apply(-1f, means);
            columns.ToOriginal(first, lowest.Columns, means);
            Scale.Apply(-1f, means);
        }
        targets?.ToOriginal(last.Number == 0 ? first : tail.Slice(last.Weights, last.Inputs * last.Columns), tail.Slice(last.Bias, last.Columns));
    }
}
