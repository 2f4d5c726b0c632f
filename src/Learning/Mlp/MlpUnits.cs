using DistSgd.Kernels;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Mlp;

/// <summary>Between a network of scaled columns and targets and the same network of the data as it is.</summary>
public static class MlpUnits
{
    private delegate void Turn(Span<float> weights, int width, Span<float> biases);

    /// <summary>Turns parameters that were trained into those of the data, in place.</summary>
    /// <param name="shape">The network.</param>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="columns">How columns were scaled; null: not.</param>
    /// <param name="targets">How targets were scaled; null: not.</param>
    public static void ToOriginal(MlpShape shape, Span<float> parameters, FeatureScaling? columns, TargetScaling? targets)
    {
        if (columns is not null)
            TurnFirst(shape, parameters, columns.ToOriginal);
        targets?.ToOriginal(LastWeights(shape, parameters), LastBiases(shape, parameters));
    }

    /// <summary>Turns parameters of the data into those that are trained on, in place, as <see cref="ToOriginal"/> undoes it.</summary>
    /// <param name="shape">The network.</param>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="columns">How columns are scaled; null: not.</param>
    /// <param name="targets">How targets are scaled; null: not.</param>
    public static void ToScaled(MlpShape shape, Span<float> parameters, FeatureScaling? columns, TargetScaling? targets)
    {
        if (columns is not null)
            TurnFirst(shape, parameters, columns.ToScaled);
        targets?.ToLearning(LastWeights(shape, parameters), LastBiases(shape, parameters));
    }

    private static void TurnFirst(MlpShape shape, Span<float> parameters, Turn turn)
    {
        MlpLayerShape lowest = shape.Layers[0];
        Span<float> tail = parameters[^shape.TailLength..];
        // Batch normalisation takes the mean off where others add a bias.
        Span<float> biases = tail.Slice(lowest.IsNormalized ? lowest.Mean : lowest.Bias, lowest.Columns);
        if (lowest.IsNormalized)
            Scale.Apply(-1f, biases);
        turn(parameters[..^shape.TailLength], lowest.Columns, biases);
        if (lowest.IsNormalized)
            Scale.Apply(-1f, biases);
    }

    private static Span<float> LastWeights(MlpShape shape, Span<float> parameters)
    {
        MlpLayerShape last = shape.Layers[^1];
        return last.Number == 0 ? parameters[..^shape.TailLength] : parameters[^shape.TailLength..].Slice(last.Weights, last.Inputs * last.Columns);
    }

    private static Span<float> LastBiases(MlpShape shape, Span<float> parameters) => parameters[^shape.TailLength..].Slice(shape.Layers[^1].Bias, shape.Layers[^1].Columns);
}
