using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace DistSgd.Kernels.Matrix;

/// <summary>
/// A matrix of float32 in somebody's memory that is read: element (i, j) lies at i·<see cref="RowStride"/> + j·<see cref="ColumnStride"/>, one of
/// the two strides being 1. Nothing is copied, also not by <see cref="Transposed"/>.
/// </summary>
public readonly ref struct ReadOnlyMatrixSpan
{
    /// <summary>A matrix stored row by row.</summary>
    /// <param name="values">Its memory; row i starts at i·stride.</param>
    /// <param name="rows">At least 0.</param>
    /// <param name="columns">At least 0.</param>
    /// <param name="stride">Floats from one row to the next, at least <paramref name="columns"/>; 0 means as many as columns.</param>
    /// <exception cref="ArgumentException">The memory is too short, or a size is negative.</exception>
    public ReadOnlyMatrixSpan(ReadOnlySpan<float> values, int rows, int columns, int stride = 0)
    {
        MatrixShape.Check(values.Length, rows, columns, ref stride);
        Values = values;
        (Rows, Columns, RowStride, ColumnStride) = (rows, columns, stride, 1);
    }

    private ReadOnlyMatrixSpan(ReadOnlySpan<float> values, int rows, int columns, int rowStride, int columnStride)
    {
        Values = values;
        (Rows, Columns, RowStride, ColumnStride) = (rows, columns, rowStride, columnStride);
    }

    /// <summary>The memory.</summary>
    public ReadOnlySpan<float> Values { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Floats from a row to the next.</summary>
    public int RowStride { get; }

    /// <summary>Floats from a column to the next.</summary>
    public int ColumnStride { get; }

    /// <summary>The same memory with rows and columns exchanged.</summary>
    public ReadOnlyMatrixSpan Transposed => new(Values, Columns, Rows, ColumnStride, RowStride);
}

/// <summary>A matrix of float32 in somebody's memory that is written, stored row by row.</summary>
public readonly ref struct MatrixSpan
{
    /// <summary>A matrix stored row by row.</summary>
    /// <param name="values">Its memory; row i starts at i·stride.</param>
    /// <param name="rows">At least 0.</param>
    /// <param name="columns">At least 0.</param>
    /// <param name="stride">Floats from one row to the next, at least <paramref name="columns"/>; 0 means as many as columns.</param>
    /// <exception cref="ArgumentException">The memory is too short, or a size is negative.</exception>
    public MatrixSpan(Span<float> values, int rows, int columns, int stride = 0)
    {
        MatrixShape.Check(values.Length, rows, columns, ref stride);
        Values = values;
        (Rows, Columns, RowStride) = (rows, columns, stride);
    }

    /// <summary>The memory.</summary>
    public Span<float> Values { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Floats from a row to the next.</summary>
    public int RowStride { get; }

    /// <summary>The same matrix, to be read.</summary>
    public ReadOnlyMatrixSpan AsReadOnly() => new(Values, Rows, Columns, RowStride);

    /// <summary>The same matrix, to be read.</summary>
    public static implicit operator ReadOnlyMatrixSpan(MatrixSpan matrix) => matrix.AsReadOnly();
}

internal static class MatrixShape
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check(int length, int rows, int columns, ref int stride)
    {
        if (stride == 0) stride = columns;
        var needed = rows <= 0 ? 0 : (long)(rows - 1) * stride + columns;
        if (rows < 0 || columns < 0 || stride < columns || length < needed) Throw(length, rows, columns, stride);
    }

    [DoesNotReturn]
    private static void Throw(int length, int rows, int columns, int stride) =>
        throw new ArgumentException(
            $"{length} floats cannot hold {rows} rows of {columns} columns, each {stride} floats after the one before.");
}
