using DistSgd.Kernels;
using DistSgd.Kernels.Matrix;

namespace DistSgd.Learning.Mlp;

/// <summary>
/// The rows of a mini-batch as the first layer takes them: gathered into a matrix where they are dense enough (or are to be augmented), else left sparse, at a cost
/// of the non-zeros times the layer's width. Both ways add in the same order. Holds scratch; one thread at a time.
/// </summary>
internal sealed class MlpInput : IDisposable
{
    // One non-zero of a sparse row costs as much as three elements of the dense product.
    private const double DenseShareMin = 0.3;

    private const int RowsAhead = 2;

    private NativeBuffer<float> _matrix = new(0);
    private bool _dense;
    private int _rows;
    private int _features;

    /// <summary>Turns to a mini-batch.</summary>
    /// <param name="rows">The block.</param>
    /// <param name="batch">Rows of the mini-batch.</param>
    /// <param name="features">Features.</param>
    /// <param name="augmentation">Changes images; null: none.</param>
    /// <param name="seeds">For each row of the mini-batch, the seed of its augmentation.</param>
    public void Turn(in SparseRows rows, ReadOnlySpan<int> batch, int features, ImageAugmentation? augmentation, ReadOnlySpan<ulong> seeds)
    {
        (_rows, _features) = (batch.Length, features);
        long cells = (long)batch.Length * features;
        _dense = augmentation is not null || rows.NonZeros(batch) >= DenseShareMin * cells;
        if (!_dense)
            return;
        if (_matrix.Length < cells)
        {
            _matrix.Dispose();
            _matrix = new NativeBuffer<float>(cells);
        }
        Span<float> matrix = _matrix.AsSpan(0, checked((int)cells));
        for (int i = 0; i < batch.Length; i++)
        {
            // Rows come in no order that the processor could guess.
            if (i + RowsAhead < batch.Length)
                SpreadRow.Prefetch(Indices(rows, batch[i + RowsAhead]), Values(rows, batch[i + RowsAhead]));
            Span<float> row = matrix.Slice(i * features, features);
            SpreadRow.Apply(Indices(rows, batch[i]), Values(rows, batch[i]), row);
            augmentation?.Apply(row, seeds[i]);
        }
    }

    /// <summary>sums = bias + X·weights.</summary>
    public void Forward(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, Span<float> sums)
    {
        int columns = bias.Length;
        if (_dense)
        {
            MatrixProduct.Set(X, new ReadOnlyMatrixSpan(weights, _features, columns), bias, new MatrixSpan(sums, _rows, columns));
            return;
        }
        for (int i = 0; i < batch.Length; i++)
        {
            Span<float> row = sums.Slice(i * columns, columns);
            bias.CopyTo(row);
            int end = rows.RowStarts[batch[i] + 1];
            for (int at = rows.RowStarts[batch[i]]; at < end; at++)
                Axpy.Apply(rows.Values[at], weights.Slice((int)rows.Indices[at] * columns, columns), row);
        }
    }

    /// <summary>gradient = Xᵀ·derivative.</summary>
    public void Backward(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> derivative, int columns, Span<float> gradient)
    {
        if (_dense)
        {
            MatrixProduct.Set(X.Transposed, new ReadOnlyMatrixSpan(derivative, _rows, columns), new MatrixSpan(gradient, _features, columns));
            return;
        }
        gradient.Clear();
        for (int i = 0; i < batch.Length; i++)
        {
            ReadOnlySpan<float> row = derivative.Slice(i * columns, columns);
            int end = rows.RowStarts[batch[i] + 1];
            for (int at = rows.RowStarts[batch[i]]; at < end; at++)
                Axpy.Apply(rows.Values[at], row, gradient.Slice((int)rows.Indices[at] * columns, columns));
        }
    }

    public void Dispose() => _matrix.Dispose();

    private ReadOnlyMatrixSpan X => new(_matrix.AsSpan(0, _rows * _features), _rows, _features);

    private static ReadOnlySpan<uint> Indices(in SparseRows rows, int number) => rows.Indices[rows.RowStarts[number]..rows.RowStarts[number + 1]];

    private static ReadOnlySpan<float> Values(in SparseRows rows, int number) => rows.Values[rows.RowStarts[number]..rows.RowStarts[number + 1]];
}
