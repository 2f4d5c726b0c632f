using DistSgd.Learning.Batches;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Oracle;

namespace DistSgd.Learning.Diagnostics;

/// <summary>A network in training mode: batch normalisation by the rows' own statistics, and dropout with masks that stay the same.</summary>
internal sealed class CheckedNetwork : ICheckedObjective
{
    private const ulong Seed = 1;

    private readonly MlpShape _shape;
    private readonly MlpReference _reference;
    private readonly CheckedRegularizer _regularizer;
    private readonly Block _block;
    private readonly double[][] _rows;
    private readonly bool[] _isRegularized;
    private readonly bool[] _isStatistic;

    public CheckedNetwork(ModelSpec model, CheckedRegularizer regularizer, Block block, int features)
    {
        (_shape, _regularizer, _block) = (model.Shape, regularizer, block);
        float[][][] masks = [.. _shape.Layers.Select(layer => Masks(layer, block.RowCount))];
        _reference = new MlpReference(_shape, _shape.Spec.Dropout > 0 ? (layer, row, unit) => masks[layer][row][unit] : null);
        _rows = [.. Enumerable.Range(0, block.RowCount).Select(row => Dense(row, features))];
        ParameterLayout layout = _shape.Layout(features);
        _isRegularized = Places(layout, table => table.Regularized);
        _isStatistic = Places(layout, table => table.IsAveraged);
    }

    public int Count => _isRegularized.Length;

    public bool IsRegularized(int parameter) => _isRegularized[parameter];

    public double Value(double[] point)
    {
        double value = _reference.Loss(point, _rows, _block.Labels.ToArray());
        for (int i = 0; i < point.Length; i++)
            value += _isRegularized[i] ? _regularizer.L1 * Math.Abs(point[i]) + 0.5 * _regularizer.L2 * point[i] * point[i] : 0;
        return value;
    }

    public double[] Gradient(double[] point)
    {
        double[] gradient = LossGradient(point);
        for (int i = 0; i < gradient.Length; i++)
            gradient[i] += _isRegularized[i] ? _regularizer.L1 * Math.Sign(point[i]) + _regularizer.L2 * point[i] : 0;
        return gradient;
    }

    public double[] LossGradient(double[] point) => _reference.Gradient(point, _rows, _block.Labels.ToArray());

    public float[] TrainedGradient(float[] point)
    {
        using var network = new MlpNetwork(_shape, Seed);
        var gradient = new float[point.Length];
        network.Compute(_block.Rows, [.. Enumerable.Range(0, _block.RowCount)], point, gradient, new float[_block.RowCount * _shape.Spec.Outputs]);
        // Changes of running statistics travel among the gradients and are none.
        for (int i = 0; i < gradient.Length; i++)
            gradient[i] = _isStatistic[i] ? 0 : gradient[i];
        return gradient;
    }

    private float[][] Masks(MlpLayerShape layer, int rows)
    {
        var masks = new float[rows][];
        for (int row = 0; row < rows; row++)
        {
            masks[row] = new float[layer.Units];
            DropoutMask.Fill(_shape.Spec.Dropout, default(BatchPlace).Seed(Seed, row, MlpNetwork.DropoutPurpose) + (ulong)layer.Number, masks[row]);
        }
        return masks;
    }

    private double[] Dense(int row, int features)
    {
        var dense = new double[features];
        for (int at = _block.Rows.RowStarts[row]; at < _block.Rows.RowStarts[row + 1]; at++)
            dense[(int)_block.Rows.Indices[at]] = _block.Rows.Values[at];
        return dense;
    }

    private static bool[] Places(ParameterLayout layout, Func<LayoutTable, bool> which)
    {
        var places = new bool[layout.PositionCount];
        foreach (LayoutTable table in layout.Tables.Where(which))
            places.AsSpan((int)table.FirstKey * layout.Width, (int)table.Count).Fill(true);
        return places;
    }
}
