using System.Runtime.CompilerServices;

namespace DistSgd.Kernels.Matrix;

/// <summary>
/// The blocking around the tiles. A block of B, up to <see cref="DepthMax"/> rows of <see cref="ColumnsMax"/> columns, is packed into panels two vectors wide, each when it is
/// first needed; it stays in the first-level cache while a block of A's rows, read in place from the second level, passes by. A chain that a block of depth ends
/// is continued from C by the next one.
/// </summary>
internal static unsafe class ProductLoops
{
    /// <summary>Rows of a packed block of B at most: a panel of 264 × 32 floats has 33 KiB.</summary>
    public const int DepthMax = 264;

    /// <summary>Columns of a block of B at most.</summary>
    public const int ColumnsMax = 256;

    /// <summary>Rows of A at most that pass by the panels of a block before the next ones do: a multiple of every tile.</summary>
    public const int RowsMax = 264;

    [ThreadStatic]
    private static NativeBuffer<float>? _packed;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T, TTile>(in ProductTask task)
        where T : struct, ILane<T>
        where TTile : struct, ITileRows
    {
        _packed ??= new NativeBuffer<float>(DepthMax * ColumnsMax);
        fixed (float* packed = _packed.AsSpan(0, DepthMax * ColumnsMax))
        {
            var bias = stackalloc float[ColumnsMax];
            var blocks = Math.Max(1, (task.Depth + DepthMax - 1) / DepthMax);
            for (var column = 0; column < task.Columns; column += ColumnsMax)
            {
                var columns = Math.Min(ColumnsMax, task.Columns - column);
                new Span<float>(bias, ColumnsMax).Clear();
                if (task.Start == ChainStart.Bias) new ReadOnlySpan<float>(task.Bias + column, columns).CopyTo(new Span<float>(bias, columns));
                for (var block = 0; block < blocks; block++)
                {
                    var start = (int)((long)task.Depth * block / blocks);
                    var depth = (int)((long)task.Depth * (block + 1) / blocks) - start;
                    var pass = new BlockPass
                    {
                        A = task.A + start * task.AStep,
                        ARow = task.ARow,
                        AStep = task.AStep,
                        B = task.B + start * task.BStep + column * task.BColumn,
                        BStep = task.BStep,
                        BColumn = task.BColumn,
                        Packed = packed,
                        PackedColumn = task.Rows > RowsMax ? depth : 0,
                        Depth = depth,
                        Columns = columns,
                        C = task.C + column,
                        CRow = task.CRow,
                        First = block == 0 && task.Start != ChainStart.Present ? bias : null,
                    };
                    for (var row = 0; row < task.Rows; row += RowsMax) Rows<T, TTile>(pass, row, Math.Min(task.Rows, row + RowsMax));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RunPortable(in ProductTask task)
    {
        for (var i = 0; i < task.Rows; i++)
        {
            var c = task.C + i * task.CRow;
            if (task.Start == ChainStart.Zero) new Span<float>(c, task.Columns).Clear();
            if (task.Start == ChainStart.Bias) new ReadOnlySpan<float>(task.Bias, task.Columns).CopyTo(new Span<float>(c, task.Columns));
            for (var k = 0; k < task.Depth; k++)
            {
                var a = task.A[i * task.ARow + k * task.AStep];
                var b = task.B + k * task.BStep;
                for (var j = 0; j < task.Columns; j++) c[j] = MathF.FusedMultiplyAdd(a, b[j * task.BColumn], c[j]);
            }
        }
    }

    // Some rows of A against all panels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<T, TTile>(in BlockPass pass, int first, int end)
        where T : struct, ILane<T>
        where TTile : struct, ITileRows
    {
        for (var column = 0; column < pass.Columns; column += 2 * T.Width)
        {
            var columns = Math.Min(2 * T.Width, pass.Columns - column);
            var width = PanelPacking.Width<T>(columns);
            if (columns == width) Panel<T, TTile, AllColumns<T>>(pass, first, end, column, width, default);
            else Panel<T, TTile, FirstColumns<T>>(pass, first, end, column, width, new(T.First(columns - width + T.Width)));
        }
    }

    // The same against one panel, which the first rows fill.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Panel<T, TTile, TColumns>(in BlockPass pass, int first, int end, int column, int width, TColumns columns)
        where T : struct, ILane<T>
        where TTile : struct, ITileRows
        where TColumns : struct, IColumns<T>
    {
        var panel = pass.Packed + column * pass.PackedColumn;
        var fills = first == 0;
        if (fills && !(pass.BColumn == 1 && width == 2 * T.Width && pass.Columns - column >= width && end >= TTile.Most))
        {
            PanelPacking.Pack<T>(pass.B + column * pass.BColumn, pass.BStep, pass.BColumn, pass.Depth, Math.Min(width, pass.Columns - column), panel);
            fills = false;
        }

        for (var row = first; row < end;)
        {
            var rows = TileRows<TTile>(end - row);
            var a = pass.A + row * pass.ARow;
            var c = pass.C + row * pass.CRow + column;
            var from = pass.First is null ? c : pass.First + column;
            var fromRow = pass.First is null ? pass.CRow : 0;
            if (fills) FillingTile<T>(rows, pass, a, pass.B + column, panel, from, fromRow, c);
            else Tile<T, TColumns>(rows, width, pass, a, panel, from, fromRow, c, columns);
            fills = false;
            row += rows;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int TileRows<TTile>(int left)
        where TTile : struct, ITileRows =>
        left >= TTile.Most ? TTile.Most : left >= 4 ? 4 : 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FillingTile<T>(int rows, in BlockPass pass, float* a, float* b, float* panel, float* from, nint fromRow, float* c)
        where T : struct, ILane<T>
    {
        AllColumns<T> all = default;
        if (rows == 8) ProductTile.Rows8Wide2<T, FillingPanel, AllColumns<T>>(a, pass.ARow, pass.AStep, b, pass.BStep, panel, pass.Depth, from, fromRow, c, pass.CRow, all);
        else ProductTile.Rows6Wide2<T, FillingPanel, AllColumns<T>>(a, pass.ARow, pass.AStep, b, pass.BStep, panel, pass.Depth, from, fromRow, c, pass.CRow, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tile<T, TColumns>(int rows, int width, in BlockPass pass, float* a, float* panel, float* from, nint fromRow, float* c, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var two = width > T.Width;
        switch (rows)
        {
            case 8 when two: ProductTile.Rows8Wide2<T, FilledPanel, TColumns>(a, pass.ARow, pass.AStep, panel, 0, null, pass.Depth, from, fromRow, c, pass.CRow, columns); break;
            case 8: ProductTile.Rows8Wide1<T, TColumns>(a, pass.ARow, pass.AStep, panel, pass.Depth, from, fromRow, c, pass.CRow, columns); break;
            case 6 when two: ProductTile.Rows6Wide2<T, FilledPanel, TColumns>(a, pass.ARow, pass.AStep, panel, 0, null, pass.Depth, from, fromRow, c, pass.CRow, columns); break;
            case 6: ProductTile.Rows6Wide1<T, TColumns>(a, pass.ARow, pass.AStep, panel, pass.Depth, from, fromRow, c, pass.CRow, columns); break;
            case 4 when two: ProductTile.Rows4Wide2<T, TColumns>(a, pass.ARow, pass.AStep, panel, pass.Depth, from, fromRow, c, pass.CRow, columns); break;
            case 4: ProductTile.Rows4Wide1<T, TColumns>(a, pass.ARow, pass.AStep, panel, pass.Depth, from, fromRow, c, pass.CRow, columns); break;
            default: ProductTile.Row1<T, TColumns>(two, a, pass.AStep, panel, pass.Depth, from, c, columns); break;
        }
    }

    // A packed block of B against rows of A.
    private struct BlockPass
    {
        public float* A;
        public nint ARow;
        public nint AStep;
        public float* B;
        public nint BStep;
        public nint BColumn;
        public float* Packed;
        public nint PackedColumn; // floats from a column's panel to the next column's; 0: one panel after the other in the same place
        public int Depth;
        public int Columns;
        public float* C;
        public nint CRow;
        public float* First; // where the chains of a row start; null: at C
    }
}

/// <summary>Rows of the largest tile of a form, by its number of registers.</summary>
internal interface ITileRows
{
    static abstract int Most { get; }
}

/// <summary>16 sums, 2 of B, 1 of A: for 32 registers.</summary>
internal readonly struct Rows8 : ITileRows
{
    public static int Most => 8;
}

/// <summary>12 sums, 2 of B, 1 of A: for 16 registers.</summary>
internal readonly struct Rows6 : ITileRows
{
    public static int Most => 6;
}
