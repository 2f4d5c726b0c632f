using DistSgd.Learning.Models;

namespace DistSgd.Learning.Mlp;

/// <summary>
/// Where a network's parameters lie. A row of the first weights belongs to one feature: the keys below the number of features hold one row each,
/// <see cref="Width"/> floats. What follows them, the tail, holds everything else; each of its tables begins at a whole key, and what a
/// table leaves of its last key stays 0. Immutable; any thread.
/// </summary>
public sealed class MlpShape
{
    /// <summary>Lays out a network.</summary>
    /// <param name="spec">The network.</param>
    public MlpShape(MlpSpec spec)
    {
        Spec = spec;
        var layers = new MlpLayerShape[spec.Layers.Count + 1];
        int inputs = 0;
        int place = 0;
        for (int l = 0; l < layers.Length; l++)
        {
            bool hidden = l < spec.Layers.Count;
            int units = hidden ? spec.Layers[l] : spec.Outputs;
            int columns = hidden ? checked(units * spec.Pieces) : units;
            if (l == 0)
                Width = columns;
            layers[l] = Place(new MlpLayerShape { Number = l, Inputs = inputs, Units = units, Columns = columns, IsHidden = hidden, IsNormalized = hidden && spec.BatchNorm }, ref place);
            inputs = units;
        }
        Layers = layers;
        TailLength = place;
    }

    /// <summary>The network.</summary>
    public MlpSpec Spec { get; }

    /// <summary>Floats a key: the columns of the first weights.</summary>
    public int Width { get; }

    /// <summary>Hidden layers, then the output layer.</summary>
    public IReadOnlyList<MlpLayerShape> Layers { get; }

    /// <summary>Floats behind the features' rows; a multiple of <see cref="Width"/>.</summary>
    public int TailLength { get; }

    /// <summary>Keys of the tail.</summary>
    public int TailKeys => TailLength / Width;

    /// <summary>The features whose rows stand before the tail in that many floats.</summary>
    /// <param name="length">Floats of all parameters.</param>
    /// <exception cref="ArgumentException">No number of features has so many parameters.</exception>
    public int Features(int length)
    {
        int rows = length - TailLength;
        if (rows < 0 || rows % Width != 0)
            throw new ArgumentException($"{length} parameters are not a whole number of rows of {Width} and a tail of {TailLength}.");
        return rows / Width;
    }

    /// <summary>The tables of the parameters: of each layer the weights, then the biases, or γ, β and the running statistics in their place.</summary>
    /// <param name="features">D ≥ 1.</param>
    public ParameterLayout Layout(long features)
    {
        var tables = new List<LayoutTable>();
        foreach (MlpLayerShape layer in Layers)
        {
            if (layer.Number == 0)
                tables.Add(new LayoutTable("layer1.weights", 0, features, [features, Width], Regularized: true));
            else
                Add(layer, "weights", layer.Weights, [layer.Inputs, layer.Columns], isWeights: true);
            Add(layer, "bias", layer.Bias, [layer.Columns]);
            Add(layer, "gamma", layer.Gamma, [layer.Columns]);
            Add(layer, "beta", layer.Beta, [layer.Columns]);
            Add(layer, "running_mean", layer.Mean, [layer.Columns], isAveraged: true);
            Add(layer, "running_variance", layer.Variance, [layer.Columns], isAveraged: true);
        }
        return new ParameterLayout(Width, tables);

        void Add(MlpLayerShape layer, string name, int place, long[] shape, bool isWeights = false, bool isAveraged = false)
        {
            long count = shape.Aggregate(1L, (product, extent) => product * extent);
            if (place >= 0)
                tables.Add(new LayoutTable($"layer{layer.Number + 1}.{name}", features + place / Width, (count + Width - 1) / Width, shape, isWeights) { IsAveraged = isAveraged });
        }
    }

    private MlpLayerShape Place(MlpLayerShape layer, ref int place)
    {
        int weights = layer.Number == 0 ? -1 : Take(ref place, checked(layer.Inputs * layer.Columns));
        if (!layer.IsNormalized)
            return layer with { Weights = weights, Bias = Take(ref place, layer.Columns) };
        return layer with
        {
            Weights = weights,
            Gamma = Take(ref place, layer.Columns),
            Beta = Take(ref place, layer.Columns),
            Mean = Take(ref place, layer.Columns),
            Variance = Take(ref place, layer.Columns),
        };
    }

    private int Take(ref int place, int length)
    {
        int start = place;
        place = checked(place + (length + Width - 1) / Width * Width);
        return start;
    }
}

/// <summary>One linear map and what belongs to it. Places count from the start of the tail.</summary>
public sealed record MlpLayerShape
{
    /// <summary>From 0, the layer that sees the features.</summary>
    public required int Number { get; init; }

    /// <summary>Inputs a row; 0 for the first layer, whose inputs are the features.</summary>
    public required int Inputs { get; init; }

    /// <summary>Results a row.</summary>
    public required int Units { get; init; }

    /// <summary>Sums a row: the units times the pieces of maxout, piece after piece.</summary>
    public required int Columns { get; init; }

    /// <summary>False for the output layer.</summary>
    public required bool IsHidden { get; init; }

    /// <summary>Whether the sums are batch-normalised.</summary>
    public required bool IsNormalized { get; init; }

    /// <summary>Place of the weights, inputs × columns, row by row; −1 for the first layer.</summary>
    public int Weights { get; init; } = -1;

    /// <summary>Place of the biases; −1 if normalised.</summary>
    public int Bias { get; init; } = -1;

    /// <summary>Place of batch normalisation's γ; −1 without.</summary>
    public int Gamma { get; init; } = -1;

    /// <summary>Place of β.</summary>
    public int Beta { get; init; } = -1;

    /// <summary>Place of the running means.</summary>
    public int Mean { get; init; } = -1;

    /// <summary>Place of the running variances.</summary>
    public int Variance { get; init; } = -1;
}
