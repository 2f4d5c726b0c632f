using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels.Matrix;

/// <summary>
/// Copies columns of a block of B into a panel: two vectors wide, or one if that suffices, row after row; what is beyond the columns becomes +0.
/// </summary>
internal static unsafe class PanelPacking
{
    private const int Block = 8;
    private const int LineFloats = 16;

    /// <summary>Floats in a row of the panel that holds so many columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Width<T>(int columns)
        where T : struct, ILane<T> =>
        columns > T.Width ? 2 * T.Width : T.Width;

    /// <summary>Fills one panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack<T>(float* b, nint step, nint column, int depth, int columns, float* panel)
        where T : struct, ILane<T>
    {
        var width = Width<T>(columns);
        if (column != 1) PackTransposed(b, step, column, depth, columns, width, panel);
        else if (columns == width) PackRows<T, AllColumns<T>>(b, step, depth, width, panel, default);
        else PackRows<T, FirstColumns<T>>(b, step, depth, width, panel, new(T.First(columns - width + T.Width)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackRows<T, TColumns>(float* b, nint step, int depth, int width, float* panel, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var last = width - T.Width;
        for (var k = 0; k < depth; k++, b += step, panel += width)
        {
            if (last > 0) T.Load(in *b, 0).Store(ref *panel, 0);
            columns.Load(b + last).Store(ref *panel, last);
        }
    }

    // Element (k, j) lies at k·step + j·column with step 1: columns of the panel are runs of memory, turned by 8 × 8.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackTransposed(float* b, nint step, nint column, int depth, int columns, int width, float* panel)
    {
        if (columns < width) new Span<float>(panel, depth * width).Clear();
        var turns = Avx.IsSupported && step == 1;
        var (wholeColumns, wholeDepth) = turns ? (columns - columns % Block, depth - depth % Block) : (0, 0);
        for (var j = 0; j < wholeColumns; j += Block)
        {
            for (var k = 0; k < wholeDepth; k += Block)
            {
                if (k % LineFloats == 0) Fetch(b + k + (j + Block) * column, column);
                Turn(b + k + j * column, column, panel + k * width + j, width);
            }
        }

        PackScalars(b, step, column, wholeDepth, depth, 0, wholeColumns, width, panel);
        PackScalars(b, step, column, 0, depth, wholeColumns, columns, width, panel);
    }

    // Runs of a block's depth are too short for the processor to see them coming.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(float* next, nint stride)
    {
        for (var i = 0; i < Block; i++) Sse.Prefetch0(next + i * stride);
    }

    private static void PackScalars(float* b, nint step, nint column, int from, int to, int first, int columns, int width, float* panel)
    {
        for (var j = first; j < columns; j++)
        {
            for (var k = from; k < to; k++) panel[k * width + j] = b[k * step + j * column];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(float* from, nint stride, float* to, nint width)
    {
        // Halves of opposite rows are joined when loaded, so that the shuffles stay inside 128-bit lanes.
        var r0 = Halves(from, stride, 0);
        var r1 = Halves(from, stride, 1);
        var r2 = Halves(from, stride, 2);
        var r3 = Halves(from, stride, 3);
        Four(r0, r1, r2, r3, to, width);
        r0 = Halves(from + 4, stride, 0);
        r1 = Halves(from + 4, stride, 1);
        r2 = Halves(from + 4, stride, 2);
        r3 = Halves(from + 4, stride, 3);
        Four(r0, r1, r2, r3, to + 4 * width, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Halves(float* from, nint stride, int row) =>
        Vector256.Create(Vector128.Load(from + row * stride), Vector128.Load(from + (row + 4) * stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(Vector256<float> r0, Vector256<float> r1, Vector256<float> r2, Vector256<float> r3, float* to, nint width)
    {
        var low01 = Avx.UnpackLow(r0, r1);
        var high01 = Avx.UnpackHigh(r0, r1);
        var low23 = Avx.UnpackLow(r2, r3);
        var high23 = Avx.UnpackHigh(r2, r3);
        Avx.Shuffle(low01, low23, 0b01_00_01_00).Store(to);
        Avx.Shuffle(low01, low23, 0b11_10_11_10).Store(to + width);
        Avx.Shuffle(high01, high23, 0b01_00_01_00).Store(to + 2 * width);
        Avx.Shuffle(high01, high23, 0b11_10_11_10).Store(to + 3 * width);
    }
}
