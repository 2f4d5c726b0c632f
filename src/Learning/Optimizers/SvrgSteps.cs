using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Models;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Optimizers;

/// <summary>
/// SVRG (Johnson &amp; Zhang 2013) for models with one score a row: at a snapshot θ̃ each row's slope s_i = ℓ'(f_i(θ̃)) is kept and the full gradient μ = (1/n) Σ s_i x_i
/// computed; a step on row i is then
/// <code>θ ← θ − η[(ℓ'(f_i(θ)) − s_i) x_i + μ + λ₂ w]</code>
/// The bracket's last two terms move every parameter in every step. For a parameter that no row touches, k such steps are w ← aᵏ w − η(1 + a + … + aᵏ⁻¹) μ with
/// a = 1 − ηλ₂, in closed form; it is brought up to date when a row touches it and at the end of a block, so that a step costs its non-zeros. All in float64 within a block:
/// near the optimum steps are smaller than what float32 can add. An entry is the value and μ, side by side. Holds the slopes of a partition; one thread at a time.
/// </summary>
public sealed class SvrgSteps
{
    private readonly ModelSpec _model;
    private readonly double _l2;
    private readonly long _rowCount;
    private readonly double[]?[] _slopes;
    private double[] _values = [];
    private int[] _upToDate = [];
    private double[] _decayed = [];
    private double[] _moved = [];
    private double[] _plainMoved = [];
    private double _rate = double.NaN;

    /// <summary>Makes room for a partition.</summary>
    /// <param name="model">A model with one score a row and a loss that is a function of it.</param>
    /// <param name="l2">λ₂.</param>
    /// <param name="blocks">The partition.</param>
    /// <param name="rowCount">n, the rows of all partitions.</param>
    public SvrgSteps(ModelSpec model, double l2, BlockSet blocks, long rowCount)
    {
        (_model, _l2, _rowCount) = (model, l2, rowCount);
        _slopes = new double[blocks.Count][];
    }

    /// <summary>Keeps the slopes of a block's rows at the parameters given, which become the snapshot, and computes what the block adds to μ.</summary>
    /// <param name="block">The block.</param>
    /// <param name="biasIndex">Place of the bias among its keys.</param>
    /// <param name="entries">Values and μ.</param>
    /// <param name="gradient">One float a key; overwritten with (1/n) Σ s_i x_i over the block's rows.</param>
    /// <returns>The sum of the rows' losses.</returns>
    public double Snapshot(Block block, int biasIndex, ReadOnlySpan<float> entries, Span<float> gradient)
    {
        SparseRows rows = block.Rows;
        double[] slopes = _slopes[block.Number] ??= new double[block.RowCount];
        Reserve(gradient.Length);
        Span<double> sum = _values.AsSpan(0, gradient.Length);
        sum.Clear();
        double loss = 0;
        for (int row = 0; row < rows.Count; row++)
        {
            double score = entries[2 * biasIndex];
            for (int n = rows.RowStarts[row]; n < rows.RowStarts[row + 1]; n++)
                score += (double)entries[2 * (int)rows.Indices[n]] * rows.Values[n];
            loss += Loss(rows, row, score, out double slope);
            slopes[row] = slope;
            for (int n = rows.RowStarts[row]; n < rows.RowStarts[row + 1]; n++)
                sum[(int)rows.Indices[n]] += slope * rows.Values[n];
            sum[biasIndex] += slope;
        }
        for (int key = 0; key < gradient.Length; key++)
            gradient[key] = (float)(sum[key] / _rowCount);
        return loss;
    }

    /// <summary>Steps over rows in the given order.</summary>
    /// <param name="block">The block; its rows' slopes are those of the last snapshot.</param>
    /// <param name="order">The rows to visit.</param>
    /// <param name="rate">η.</param>
    /// <param name="biasIndex">Place of the bias among the keys; only keys before it are regularised.</param>
    /// <param name="entries">Values and μ as pulled.</param>
    /// <param name="delta">As long; overwritten with the difference that the steps made to values, and 0 for μ.</param>
    /// <returns>The sum of the rows' losses, each just before its step.</returns>
    public double Step(Block block, ReadOnlySpan<int> order, double rate, int biasIndex, ReadOnlySpan<float> entries, Span<float> delta)
    {
        SparseRows rows = block.Rows;
        double[] slopes = _slopes[block.Number]!;
        int keys = entries.Length / 2;
        Reserve(keys);
        Prepare(rate, order.Length);
        for (int key = 0; key < keys; key++)
            (_values[key], _upToDate[key]) = (entries[2 * key], 0);
        double loss = 0;
        for (int t = 0; t < order.Length; t++)
        {
            int row = order[t];
            double score = Now(biasIndex, t, biasIndex, entries);
            for (int n = rows.RowStarts[row]; n < rows.RowStarts[row + 1]; n++)
                score += Now((int)rows.Indices[n], t, biasIndex, entries) * rows.Values[n];
            loss += Loss(rows, row, score, out double slope);
            double step = rate * (slope - slopes[row]);
            if (step == 0)
                continue;
            for (int n = rows.RowStarts[row]; n < rows.RowStarts[row + 1]; n++)
                _values[rows.Indices[n]] -= step * rows.Values[n];
            _values[biasIndex] -= step;
        }
        for (int key = 0; key < keys; key++)
        {
            delta[2 * key] = (float)(Now(key, order.Length, biasIndex, entries) - entries[2 * key]);
            delta[2 * key + 1] = 0;
        }
        return loss;
    }

    // A row's loss and slope, times what it counts.
    private double Loss(in SparseRows rows, int row, double score, out double slope)
    {
        double weight = rows.Weights.IsEmpty ? 1 : rows.Weights[row], loss = ReferenceLoss.Scalar(_model, rows.Labels[row], score, out slope);
        slope *= weight;
        return weight * loss;
    }

    // A parameter after t steps of the block.
    private double Now(int key, int t, int biasIndex, ReadOnlySpan<float> entries)
    {
        int missed = t - _upToDate[key];
        if (missed > 0)
        {
            double mu = entries[2 * key + 1];
            _values[key] = key < biasIndex ? _decayed[missed] * _values[key] - _moved[missed] * mu : _values[key] - _plainMoved[missed] * mu;
            _upToDate[key] = t;
        }
        return _values[key];
    }

    // aᵏ, η(1 + a + … + aᵏ⁻¹) and ηk for all k that a block can need.
    private void Prepare(double rate, int steps)
    {
        if (rate == _rate && steps < _decayed.Length)
            return;
        int length = Math.Max(steps + 1, _decayed.Length);
        (_decayed, _moved, _plainMoved, _rate) = (new double[length], new double[length], new double[length], rate);
        _decayed[0] = 1;
        for (int k = 1; k < length; k++)
        {
            _decayed[k] = (1 - rate * _l2) * _decayed[k - 1];
            _moved[k] = _moved[k - 1] + rate * _decayed[k - 1];
            _plainMoved[k] = rate * k;
        }
    }

    private void Reserve(int keys)
    {
        if (_values.Length >= keys)
            return;
        _values = new double[keys];
        _upToDate = new int[keys];
    }
}
