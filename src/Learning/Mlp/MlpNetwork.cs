using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Mlp;

/// <summary>
/// A network's way forth and back over a mini-batch (Rumelhart, Hinton &amp; Williams 1986). Parameters and gradient lie as <see cref="MlpShape"/> says, the features'
/// rows first. Nothing is allocated once it has seen its largest mini-batch. Holds scratch; one thread at a time.
/// </summary>
public sealed class MlpNetwork : IBatchGradient, IDisposable
{
    internal const int DropoutPurpose = 1;
    private const int AugmentationPurpose = 2;

    private readonly MlpShape _shape;
    private readonly MlpLayer[] _layers;
    private readonly MlpInput _input = new();
    private readonly ulong _seed;
    private readonly float _runningShare;
    private readonly ImageAugmentation? _augmentation;
    private float[] _labels = [];
    private float[] _weights = [];
    private ulong[] _seeds = [];
    private BatchPlace _place;

    /// <summary>Makes a network at work.</summary>
    /// <param name="shape">The network.</param>
    /// <param name="seed">The job's seed.</param>
    /// <param name="workers">Workers of the job, at least 1: each moves the running statistics by its share.</param>
    /// <param name="augmentation">Changes training images; null: none.</param>
    public MlpNetwork(MlpShape shape, ulong seed = 1, int workers = 1, ImageAugmentation? augmentation = null)
    {
        _shape = shape;
        _layers = [.. shape.Layers.Select(layer => new MlpLayer(shape.Spec, layer))];
        _seed = seed;
        _runningShare = 1f / workers;
        _augmentation = augmentation;
    }

    /// <summary>Says which block the next mini-batches come from: dropout and augmentation are drawn from it.</summary>
    /// <param name="place">Partition, epoch and block.</param>
    public void Begin(BatchPlace place) => _place = place;

    /// <summary>Loss and gradient at fixed parameters, in training mode: statistics of the mini-batch, dropout, augmentation.</summary>
    /// <param name="rows">A block's rows; an index is a place among the rows of the parameters.</param>
    /// <param name="batch">Rows of the mini-batch; at least one.</param>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="gradient">As long; overwritten with the mean gradient, and, for running statistics, with the change that is to be added to them.</param>
    /// <param name="scores">Filled with k scores a row.</param>
    /// <returns>The sum of the rows' losses, each times its weight.</returns>
    public double Compute(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores)
    {
        int first = parameters.Length - _shape.TailLength;
        ReadOnlySpan<float> tail = parameters[first..];
        Span<float> tailGradient = gradient[first..];
        Forward(rows, batch, parameters, training: true);
        MlpLayer last = _layers[^1];
        last.Sums.CopyTo(scores);
        double loss = MlpLoss.Compute(_shape.Spec.Head, _shape.Spec.Outputs, last.Sums, Of(rows.Labels, batch, ref _labels), Of(rows.Weights, batch, ref _weights), last.SumSlopes);
        ClearPadding(tailGradient);
        for (int l = _layers.Length - 1; l >= 0; l--)
        {
            MlpLayer layer = _layers[l];
            if (layer.Shape.IsHidden)
                layer.Deactivate(tail, tailGradient, _runningShare);
            layer.BiasGradient(tailGradient);
            if (l > 0)
                layer.Backward(_layers[l - 1].Results, tail, tailGradient, _layers[l - 1].UnitSlopes);
            else
                _input.Backward(rows, batch, layer.SumSlopes, layer.Shape.Columns, gradient[..first]);
        }
        return loss;
    }

    /// <summary>Scores at fixed parameters, as when predicting: running statistics, no dropout, no augmentation.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="batch">Rows to score.</param>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="scores">Filled with k scores a row.</param>
    public void Score(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> scores)
    {
        Forward(rows, batch, parameters, training: false);
        _layers[^1].Sums.CopyTo(scores);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _input.Dispose();
        foreach (MlpLayer layer in _layers)
            layer.Dispose();
    }

    private void Forward(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, bool training)
    {
        int features = _shape.Features(parameters.Length);
        ReadOnlySpan<float> tail = parameters[^_shape.TailLength..];
        bool augments = training && _augmentation is not null;
        _input.Turn(rows, batch, features, augments ? _augmentation : null, augments ? Seeds(batch, AugmentationPurpose) : []);
        for (int l = 0; l < _layers.Length; l++)
        {
            MlpLayer layer = _layers[l];
            layer.Turn(batch.Length);
            if (l == 0)
                _input.Forward(rows, batch, parameters[..^_shape.TailLength], layer.Bias(tail), layer.Sums);
            else
                layer.Forward(_layers[l - 1].Results, tail);
            if (!layer.Shape.IsHidden)
                continue;
            layer.Activate(tail, training);
            if (training && _shape.Spec.Dropout > 0)
                layer.Drop(Seeds(batch, DropoutPurpose));
        }
    }

    private ReadOnlySpan<ulong> Seeds(ReadOnlySpan<int> batch, int purpose)
    {
        if (_seeds.Length < batch.Length)
            _seeds = new ulong[batch.Length];
        for (int i = 0; i < batch.Length; i++)
            _seeds[i] = _place.Seed(_seed, batch[i], purpose);
        return _seeds.AsSpan(0, batch.Length);
    }

    // What a block has one of a row, for the rows of the mini-batch; nothing of nothing.
    private static ReadOnlySpan<float> Of(ReadOnlySpan<float> ofBlock, ReadOnlySpan<int> batch, ref float[] room)
    {
        if (ofBlock.IsEmpty)
            return [];
        if (room.Length < batch.Length)
            room = new float[batch.Length];
        for (int i = 0; i < batch.Length; i++)
            room[i] = ofBlock[batch[i]];
        return room.AsSpan(0, batch.Length);
    }

    // Floats that a table leaves over of its last key.
    private void ClearPadding(Span<float> tailGradient)
    {
        foreach (MlpLayer part in _layers)
        {
            MlpLayerShape layer = part.Shape;
            ClearAfter(tailGradient, layer.Weights, layer.Inputs * layer.Columns);
            ClearAfter(tailGradient, layer.Bias, layer.Columns);
            ClearAfter(tailGradient, layer.Gamma, layer.Columns);
            ClearAfter(tailGradient, layer.Beta, layer.Columns);
            ClearAfter(tailGradient, layer.Mean, layer.Columns);
            ClearAfter(tailGradient, layer.Variance, layer.Columns);
        }
    }

    private void ClearAfter(Span<float> tailGradient, int place, int length)
    {
        if (place < 0 || length % _shape.Width == 0)
            return;
        tailGradient.Slice(place + length, _shape.Width - length % _shape.Width).Clear();
    }
}
