using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Diagnostics;

/// <summary>
/// The gradient of what training minimises, over all rows of a data set and in the units of training: each block's by the kernels in float32, their mean in float64. Holds a copy of the rows; one thread at a time.
/// </summary>
public sealed class ObjectiveGradient : IDisposable
{
    private const int RowsPerBlock = 1024;

    private readonly IBatchGradient _gradients;
    private readonly BlockSet _blocks;
    private readonly int _outputs;
    private readonly double _l1;
    private readonly double _l2;
    private readonly float[] _gradient;
    private readonly float[] _scores;
    private readonly double[] _sum;
    private readonly int[] _order;

    /// <summary>Gathers the rows.</summary>
    /// <param name="data">The rows; not needed after this.</param>
    /// <param name="model">Model and loss.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="scaling">How columns are scaled for training; null: not.</param>
    /// <param name="l1">λ₁.</param>
    /// <param name="l2">λ₂.</param>
    /// <param name="weighting">What the rows count; null: 1 each.</param>
    /// <param name="featuresMin">Features of the model, where they are more than the data's.</param>
    public ObjectiveGradient(Dataset data, ModelSpec model, LabelMap labels, FeatureScaling? scaling, double l1, double l2, RowWeighting? weighting = null, long featuresMin = 1)
    {
        long features = Math.Max(featuresMin, data.FeatureCount);
        int tail = checked((int)(model.Layout(features).KeyCount - features));
        _gradients = BatchGradient.Of(model);
        _blocks = BlockSet.Build(data, [new RowRange(0, data.RowCount)], new BlockPlan(0, 0, RowsPerBlock, features, false, labels, scaling, tail) { Targets = model.Targets, Weighting = weighting, Streams = data.IsStreamed });
        (_outputs, _l1, _l2) = (model.Outputs, l1, l2);
        _gradient = new float[checked((features + tail) * _outputs)];
        _sum = new double[_gradient.Length];
        _scores = new float[_blocks.RowsMax * _outputs];
        _order = [.. Enumerable.Range(0, _blocks.RowsMax)];
        Regularized = checked((int)features * _outputs);
    }

    private int Regularized { get; }

    /// <summary>
    /// The gradient's length; where L1 has its corner, at weights of 0, that of the shortest subgradient, so that it is 0 at a minimum.
    /// </summary>
    /// <param name="parameters">By position, in the units of training.</param>
    public double Norm(ReadOnlySpan<float> parameters)
    {
        Array.Clear(_sum);
        for (int block = 0; block < _blocks.Count; block++)
        {
            int rows = _blocks[block].RowCount;
            _gradients.Compute(_blocks[block].Rows, _order.AsSpan(0, rows), parameters, _gradient, _scores.AsSpan(0, rows * _outputs));
            for (int i = 0; i < _sum.Length; i++)
                _sum[i] += (double)_gradient[i] * rows / _blocks.RowCount;
        }
        double square = 0;
        for (int i = 0; i < _sum.Length; i++)
        {
            double part = i < Regularized ? Regularize(_sum[i], parameters[i]) : _sum[i];
            square += part * part;
        }
        return Math.Sqrt(square);
    }

    /// <inheritdoc/>
    public void Dispose() => _blocks.Dispose();

    private double Regularize(double slope, float weight) => weight == 0
        ? Math.CopySign(Math.Max(0, Math.Abs(slope) - _l1), slope)
        : slope + _l1 * Math.Sign(weight) + _l2 * weight;
}
