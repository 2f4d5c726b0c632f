using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels.Matrix;

/// <summary>
/// Products of matrices. Every element of the result is one chain of fused multiply-adds over ascending k,
/// c = fma(a(i,k), b(k,j), c), from the start the operation names; so its bits depend neither on the form, nor on the sizes of blocks and tiles, nor
/// on the number of threads. A and B may be transposed views; C must not overlap them. With NaN or infinity in an operand the result's
/// NaNs may differ in their payload bits.
/// </summary>
public static unsafe class MatrixProduct
{
    /// <summary>C = A·B: chains start at +0.</summary>
    /// <param name="a">M × K.</param>
    /// <param name="b">K × N.</param>
    /// <param name="c">M × N, overwritten.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void Set(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) => Run(KernelForms.Best, a, b, c, [], ChainStart.Zero, null);

    /// <summary>C = 1·bias + A·B: the chains of column j start at bias[j].</summary>
    /// <param name="a">M × K.</param>
    /// <param name="b">K × N.</param>
    /// <param name="bias">N floats.</param>
    /// <param name="c">M × N, overwritten.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void Set(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, ReadOnlySpan<float> bias, MatrixSpan c) =>
        Run(KernelForms.Best, a, b, c, bias, ChainStart.Bias, null);

    /// <summary>C = C + A·B: chains start at what C holds.</summary>
    /// <param name="a">M × K.</param>
    /// <param name="b">K × N.</param>
    /// <param name="c">M × N, read and written.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void Add(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) => Run(KernelForms.Best, a, b, c, [], ChainStart.Present, null);

    internal static void Run(
        KernelForm form, ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c, ReadOnlySpan<float> bias, ChainStart start, MatrixTeam? team)
    {
        if (a.Columns != b.Rows || c.Rows != a.Rows || c.Columns != b.Columns) ThrowShapes(a, b, c);
        if (start == ChainStart.Bias) KernelGuard.SameLength(c.Columns, bias.Length, nameof(bias));
        if (c.Rows == 0 || c.Columns == 0) return;
        fixed (float* left = &MemoryMarshal.GetReference(a.Values))
        fixed (float* right = &MemoryMarshal.GetReference(b.Values))
        fixed (float* result = &MemoryMarshal.GetReference(c.Values))
        fixed (float* row = &MemoryMarshal.GetReference(bias))
        {
            var task = new ProductTask
            {
                A = left,
                ARow = a.RowStride,
                AStep = a.ColumnStride,
                B = right,
                BStep = b.RowStride,
                BColumn = b.ColumnStride,
                C = result,
                CRow = c.RowStride,
                Bias = row,
                Start = start,
                Rows = c.Rows,
                Columns = c.Columns,
                Depth = a.Columns,
            };
            if (team is null) Run(form, task);
            else team.Run(form, task);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run(KernelForm form, in ProductTask task)
    {
        if (form == KernelForm.Avx512) ProductLoops.Run<Lane16, Rows8>(task);
        else if (form == KernelForm.Avx2) ProductLoops.Run<Lane8, Rows6>(task);
        else ProductLoops.RunPortable(task);
    }

    [DoesNotReturn]
    private static void ThrowShapes(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) =>
        throw new ArgumentException(
            $"A is {a.Rows} x {a.Columns}, B is {b.Rows} x {b.Columns}, C is {c.Rows} x {c.Columns}; A·B needs M x K, K x N and M x N.");
}

/// <summary>Where the chains of a product start.</summary>
internal enum ChainStart
{
    Zero,
    Bias,
    Present,
}

/// <summary>A product as pointers and strides; rows and columns can be cut into parts that different threads compute.</summary>
internal unsafe struct ProductTask
{
    public float* A;
    public nint ARow;
    public nint AStep;
    public float* B;
    public nint BStep;
    public nint BColumn;
    public float* C;
    public nint CRow;
    public float* Bias;
    public ChainStart Start;
    public int Rows;
    public int Columns;
    public int Depth;

    /// <summary>Some of the rows.</summary>
    public readonly ProductTask PartOfRows(int first, int count)
    {
        var part = this;
        part.A += first * ARow;
        part.C += first * CRow;
        part.Rows = count;
        return part;
    }

    /// <summary>Some of the columns.</summary>
    public readonly ProductTask PartOfColumns(int first, int count)
    {
        var part = this;
        part.B += first * BColumn;
        part.C += first;
        part.Bias += Start == ChainStart.Bias ? first : 0;
        part.Columns = count;
        return part;
    }
}
