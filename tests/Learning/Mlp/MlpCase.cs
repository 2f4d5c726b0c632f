using DistSgd.Kernels;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Oracle;

namespace DistSgd.Learning.Tests.Mlp;

/// <summary>A small network, random rows for it, and both ways to its gradient.</summary>
internal sealed class MlpCase
{
    public const int Features = 7;
    public const int Rows = 6;
    public const ulong Seed = 5;
    public static readonly BatchPlace Place = new(0, 3, 2);

    private readonly int[] _starts = new int[Rows + 1];
    private readonly uint[] _indices;
    private readonly float[] _values;

    public MlpCase(MlpSpec spec, int seed, double density = 1)
    {
        Spec = spec;
        Shape = new MlpShape(spec);
        var random = new Random(seed);
        Parameters = MlpStart.Draw(Shape, Features, (ulong)seed);
        for (int i = 0; i < Parameters.Length; i++)
            Parameters[i] += (float)(0.3 * (random.NextDouble() - 0.5));
        DenseRows = new double[Rows][];
        var indices = new List<uint>();
        for (int i = 0; i < Rows; i++)
        {
            DenseRows[i] = new double[Features];
            for (int j = 0; j < Features; j++)
            {
                if (random.NextDouble() >= density)
                    continue;
                DenseRows[i][j] = (float)(random.NextDouble() * 2 - 1);
                indices.Add((uint)j);
            }
            _starts[i + 1] = indices.Count;
        }
        _indices = [.. indices];
        _values = [.. DenseRows.SelectMany((row, i) => Enumerable.Range(_starts[i], _starts[i + 1] - _starts[i]).Select(at => (float)row[indices[at]]))];
        Labels = [.. Enumerable.Range(0, Rows).Select(_ => Label(random))];
    }

    public MlpSpec Spec { get; }

    public MlpShape Shape { get; }

    public float[] Parameters { get; }

    public double[][] DenseRows { get; }

    public float[] Labels { get; }

    public SparseRows Batch => new(_starts, _indices, _values, Labels);

    public static int[] Order => [.. Enumerable.Range(0, Rows)];

    public MlpReference Reference => new(Shape, Spec.Dropout > 0 ? Factor : null);

    public float[] Gradient(out double loss, float[]? weights = null)
    {
        using var network = new MlpNetwork(Shape, Seed);
        network.Begin(Place);
        var gradient = new float[Parameters.Length];
        Array.Fill(gradient, 77f);
        loss = network.Compute(Batch with { Weights = weights }, Order, Parameters, gradient, new float[Rows * Spec.Outputs]) / Rows;
        return gradient;
    }

    public override string ToString() => $"{Spec.Activation} {Spec.Head}, layers {string.Join(",", Spec.Layers)}, batch norm {Spec.BatchNorm}, dropout {Spec.Dropout}";

    private double Factor(int layer, int row, int unit)
    {
        var factors = new float[Shape.Layers[layer].Units];
        DropoutMask.Fill(Spec.Dropout, Place.Seed(Seed, row, MlpNetwork.DropoutPurpose) + (ulong)layer, factors);
        return factors[unit];
    }

    private float Label(Random random) => Spec.Head switch
    {
        MlpHead.Logistic => random.Next(2) * 2 - 1,
        MlpHead.Squared when Spec.Outputs == 1 => random.NextSingle() * 4 - 2,
        _ => random.Next(Spec.Outputs),
    };
}
