using DistSgd.Learning.Data;

namespace DistSgd.Learning.Mlp;

/// <summary>The parameters before the first step: a pure function of network, features and seed.</summary>
public static class MlpStart
{
    private const double NormalDeviation = 0.01;

    /// <summary>Draws all weights; biases and β are 0, γ and running variances 1.</summary>
    /// <param name="shape">The network.</param>
    /// <param name="features">Features, D ≥ 1.</param>
    /// <param name="seed">The job's seed.</param>
    /// <exception cref="OverflowException">The network has more parameters than an array can hold.</exception>
    public static float[] Draw(MlpShape shape, int features, ulong seed)
    {
        int first = checked(features * shape.Width);
        var parameters = new float[checked(first + shape.TailLength)];
        Span<float> tail = parameters.AsSpan(first);
        foreach (MlpLayerShape layer in shape.Layers)
        {
            int inputs = layer.Number == 0 ? features : layer.Inputs;
            Span<float> weights = layer.Number == 0 ? parameters.AsSpan(0, first) : tail.Slice(layer.Weights, layer.Inputs * layer.Columns);
            Fill(weights, Deviation(shape.Spec, inputs, layer), new SeededRandom((long)seed, -1 - layer.Number));
            if (!layer.IsNormalized)
                continue;
            tail.Slice(layer.Gamma, layer.Columns).Fill(1);
            tail.Slice(layer.Variance, layer.Columns).Fill(1);
        }
        return parameters;
    }

    private static double Deviation(MlpSpec spec, int inputs, MlpLayerShape layer)
    {
        bool rectifies = spec.Activation is HiddenActivation.Relu or HiddenActivation.LeakyRelu or HiddenActivation.Elu or HiddenActivation.Maxout;
        WeightInit init = spec.Init == WeightInit.Auto ? rectifies ? WeightInit.He : WeightInit.Glorot : spec.Init;
        return init switch
        {
            WeightInit.He => Math.Sqrt(2.0 / inputs),
            WeightInit.Glorot => Math.Sqrt(2.0 / (inputs + layer.Columns)),
            WeightInit.Lecun => Math.Sqrt(1.0 / inputs),
            WeightInit.Normal => NormalDeviation,
            _ => 0,
        };
    }

    private static void Fill(Span<float> weights, double deviation, SeededRandom random)
    {
        if (deviation == 0)
            return;
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(deviation * random.NextGaussian());
    }
}
