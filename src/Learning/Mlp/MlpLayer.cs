using DistSgd.Kernels;
using DistSgd.Kernels.Matrix;

namespace DistSgd.Learning.Mlp;

/// <summary>
/// One layer at work: its results for a mini-batch, and what the way back needs of them. The products with the weights are done by the network (first
/// layer) or here (others). Holds scratch; one thread at a time.
/// </summary>
internal sealed class MlpLayer(MlpSpec spec, MlpLayerShape shape) : IDisposable
{
    private readonly BatchNormalization? _normalization = shape.IsNormalized ? new BatchNormalization(shape.Columns) : null;
    private readonly float[] _noBias = new float[shape.Columns];
    private NativeBuffer<float> _sums = new(0);
    private NativeBuffer<float> _units = new(0);
    private NativeBuffer<float> _factors = new(0);
    private NativeBuffer<float> _results = new(0);
    private NativeBuffer<float> _unitSlopes = new(0);
    private NativeBuffer<float> _sumSlopes = new(0);
    private int _rows;
    private bool _dropped;

    public MlpLayerShape Shape => shape;

    /// <summary>z, rows × columns; after <see cref="Activate"/> of a layer without maxout, its activations.</summary>
    public Span<float> Sums => _sums.AsSpan(0, _rows * shape.Columns);

    /// <summary>What the next layer sees, rows × units.</summary>
    public Span<float> Results => _dropped ? _results.AsSpan(0, _rows * shape.Units) : Units;

    /// <summary>The derivative of the loss in <see cref="Results"/>, rows × units; made by the layer after this.</summary>
    public Span<float> UnitSlopes => _unitSlopes.AsSpan(0, _rows * shape.Units);

    /// <summary>The derivative in the sums, rows × columns.</summary>
    public Span<float> SumSlopes => spec.Pieces == 1 || !shape.IsHidden ? UnitSlopes : _sumSlopes.AsSpan(0, _rows * shape.Columns);

    private Span<float> Units => spec.Pieces == 1 || !shape.IsHidden ? Sums : _units.AsSpan(0, _rows * shape.Units);

    /// <summary>Makes room.</summary>
    public void Turn(int rows)
    {
        _rows = rows;
        _dropped = false;
        Fit(ref _sums, rows * shape.Columns);
        Fit(ref _unitSlopes, rows * shape.Units);
        if (spec.Pieces > 1 && shape.IsHidden)
        {
            Fit(ref _units, rows * shape.Units);
            Fit(ref _sumSlopes, rows * shape.Columns);
        }
    }

    /// <summary>The biases, or zeros where batch normalisation takes their place.</summary>
    public ReadOnlySpan<float> Bias(ReadOnlySpan<float> tail) => shape.IsNormalized ? _noBias : tail.Slice(shape.Bias, shape.Columns);

    /// <summary>Sums = bias + inputs·weights.</summary>
    public void Forward(ReadOnlySpan<float> inputs, ReadOnlySpan<float> tail) =>
        MatrixProduct.Set(new ReadOnlyMatrixSpan(inputs, _rows, shape.Inputs), Weights(tail), Bias(tail), new MatrixSpan(Sums, _rows, shape.Columns));

    /// <summary>From sums to activations, of a hidden layer.</summary>
    public void Activate(ReadOnlySpan<float> tail, bool training)
    {
        if (_normalization is not null && training)
            _normalization.Train(Sums, Part(tail, shape.Gamma), Part(tail, shape.Beta));
        else
            _normalization?.Predict(Sums, Part(tail, shape.Gamma), Part(tail, shape.Beta), Part(tail, shape.Mean), Part(tail, shape.Variance));
        if (spec.Activation == HiddenActivation.Maxout)
            Maxout.Apply(Sums, shape.Units, spec.Pieces, Units);
        else
            Activation.Apply(spec.Function, spec.Constant, Sums, Sums);
    }

    /// <summary>Silences units.</summary>
    /// <param name="seeds">One a row, from <see cref="BatchPlace"/>.</param>
    public void Drop(ReadOnlySpan<ulong> seeds)
    {
        _dropped = true;
        Fit(ref _factors, _rows * shape.Units);
        Fit(ref _results, _rows * shape.Units);
        Span<float> factors = _factors.AsSpan(0, _rows * shape.Units);
        for (int i = 0; i < seeds.Length; i++)
            DropoutMask.Fill(spec.Dropout, seeds[i] + (ulong)shape.Number, factors.Slice(i * shape.Units, shape.Units));
        Span<float> results = _results.AsSpan(0, _rows * shape.Units);
        Units.CopyTo(results);
        Multiply.Apply(factors, results);
    }

    /// <summary>From the derivative in the results to that in the sums, of a hidden layer; and the gradients of γ and β.</summary>
    /// <param name="tail">Parameters.</param>
    /// <param name="gradient">Gradient of the tail; this layer's parts are written.</param>
    /// <param name="runningShare">This worker's share in the running statistics: 1/workers.</param>
    public void Deactivate(ReadOnlySpan<float> tail, Span<float> gradient, float runningShare)
    {
        if (_dropped)
            Multiply.Apply(_factors.AsSpan(0, _rows * shape.Units), UnitSlopes);
        if (spec.Activation == HiddenActivation.Maxout)
            Maxout.Backward(Sums, Units, shape.Units, spec.Pieces, UnitSlopes, SumSlopes);
        else
            Activation.Backward(spec.Function, spec.Constant, Sums, UnitSlopes);
        if (_normalization is null)
            return;
        Span<float> mean = gradient.Slice(shape.Mean, shape.Columns);
        Span<float> variance = gradient.Slice(shape.Variance, shape.Columns);
        _normalization.Track(_rows, Part(tail, shape.Mean), Part(tail, shape.Variance), mean, variance);
        Scale.Apply(runningShare, mean);
        Scale.Apply(runningShare, variance);
        _normalization.Backward(SumSlopes, Part(tail, shape.Gamma), gradient.Slice(shape.Gamma, shape.Columns), gradient.Slice(shape.Beta, shape.Columns));
    }

    /// <summary>The gradient of the biases: the sums of the columns.</summary>
    public void BiasGradient(Span<float> gradient)
    {
        if (shape.IsNormalized)
            return;
        Span<float> bias = gradient.Slice(shape.Bias, shape.Columns);
        bias.Clear();
        for (int i = 0; i < _rows; i++)
            Add.Apply(SumSlopes.Slice(i * shape.Columns, shape.Columns), bias);
    }

    /// <summary>The gradient of the weights, and the derivative in the inputs; not for the first layer.</summary>
    public void Backward(ReadOnlySpan<float> inputs, ReadOnlySpan<float> tail, Span<float> gradient, Span<float> inputSlopes)
    {
        var slopes = new ReadOnlyMatrixSpan(SumSlopes, _rows, shape.Columns);
        var weights = new MatrixSpan(gradient.Slice(shape.Weights, shape.Inputs * shape.Columns), shape.Inputs, shape.Columns);
        MatrixProduct.Set(new ReadOnlyMatrixSpan(inputs, _rows, shape.Inputs).Transposed, slopes, weights);
        MatrixProduct.Set(slopes, Weights(tail).Transposed, new MatrixSpan(inputSlopes, _rows, shape.Inputs));
    }

    public void Dispose()
    {
        _normalization?.Dispose();
        foreach (NativeBuffer<float> buffer in new[] { _sums, _units, _factors, _results, _unitSlopes, _sumSlopes })
            buffer.Dispose();
    }

    private ReadOnlyMatrixSpan Weights(ReadOnlySpan<float> tail) => new(tail.Slice(shape.Weights, shape.Inputs * shape.Columns), shape.Inputs, shape.Columns);

    private ReadOnlySpan<float> Part(ReadOnlySpan<float> tail, int place) => tail.Slice(place, shape.Columns);

    private static void Fit(ref NativeBuffer<float> buffer, int length)
    {
        if (buffer.Length >= length)
            return;
        buffer.Dispose();
        buffer = new NativeBuffer<float>(length);
    }
}
