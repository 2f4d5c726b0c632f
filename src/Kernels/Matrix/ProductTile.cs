using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels.Matrix;

/// <summary>
/// The innermost loops: a tile of C, some rows by one or two vectors, lives in registers while k runs over a panel of B.
/// Element (i, k) of A lies at i·row + k·step; each chain starts at from[i·fromRow + j] and ends in c[i·cRow + j]. The sums are locals, because
/// the compiler keeps only locals in registers; hence one method for each size of tile.
/// </summary>
internal static unsafe class ProductTile
{
    private const int RowsAhead = 32; // of B: what a tile computes meanwhile takes as long as the third level of caches

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows8Wide2<T, TSource, TColumns>(float* a, nint row, nint step, float* b, nint bStep, float* panel, nint depth, float* from, nint fromRow, float* c, nint cRow, TColumns columns)
        where T : struct, ILane<T>
        where TSource : struct, IPanelSource
        where TColumns : struct, IColumns<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s01 = columns.Load(from + T.Width);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s11 = columns.Load(from + fromRow + T.Width);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s21 = columns.Load(from + 2 * fromRow + T.Width);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s31 = columns.Load(from + 3 * fromRow + T.Width);
        var s40 = T.Load(in *(from + 4 * fromRow), 0);
        var s41 = columns.Load(from + 4 * fromRow + T.Width);
        var s50 = T.Load(in *(from + 5 * fromRow), 0);
        var s51 = columns.Load(from + 5 * fromRow + T.Width);
        var s60 = T.Load(in *(from + 6 * fromRow), 0);
        var s61 = columns.Load(from + 6 * fromRow + T.Width);
        var s70 = T.Load(in *(from + 7 * fromRow), 0);
        var s71 = columns.Load(from + 7 * fromRow + T.Width);
        var row3 = 3 * row;
        var lower = a + 4 * row;
        for (; depth > 0; depth--, b += TSource.Fills ? bStep : 2 * T.Width, a += step, lower += step)
        {
            var b0 = T.Load(in *b, 0);
            var b1 = T.Load(in *(b + T.Width), 0);
            if (TSource.Fills) Fill(b, bStep, b0, b1, ref panel);
            var x = T.All(a[0]);
            s00 = T.Fma(x, b0, s00);
            s01 = T.Fma(x, b1, s01);
            x = T.All(a[row]);
            s10 = T.Fma(x, b0, s10);
            s11 = T.Fma(x, b1, s11);
            x = T.All(a[2 * row]);
            s20 = T.Fma(x, b0, s20);
            s21 = T.Fma(x, b1, s21);
            x = T.All(a[row3]);
            s30 = T.Fma(x, b0, s30);
            s31 = T.Fma(x, b1, s31);
            x = T.All(lower[0]);
            s40 = T.Fma(x, b0, s40);
            s41 = T.Fma(x, b1, s41);
            x = T.All(lower[row]);
            s50 = T.Fma(x, b0, s50);
            s51 = T.Fma(x, b1, s51);
            x = T.All(lower[2 * row]);
            s60 = T.Fma(x, b0, s60);
            s61 = T.Fma(x, b1, s61);
            x = T.All(lower[row3]);
            s70 = T.Fma(x, b0, s70);
            s71 = T.Fma(x, b1, s71);
        }

        s00.Store(ref *(c), 0);
        columns.Store(s01, c + T.Width);
        s10.Store(ref *(c + cRow), 0);
        columns.Store(s11, c + cRow + T.Width);
        s20.Store(ref *(c + 2 * cRow), 0);
        columns.Store(s21, c + 2 * cRow + T.Width);
        s30.Store(ref *(c + 3 * cRow), 0);
        columns.Store(s31, c + 3 * cRow + T.Width);
        s40.Store(ref *(c + 4 * cRow), 0);
        columns.Store(s41, c + 4 * cRow + T.Width);
        s50.Store(ref *(c + 5 * cRow), 0);
        columns.Store(s51, c + 5 * cRow + T.Width);
        s60.Store(ref *(c + 6 * cRow), 0);
        columns.Store(s61, c + 6 * cRow + T.Width);
        s70.Store(ref *(c + 7 * cRow), 0);
        columns.Store(s71, c + 7 * cRow + T.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows8Wide1<T, TColumns>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var s00 = columns.Load(from);
        var s10 = columns.Load(from + fromRow);
        var s20 = columns.Load(from + 2 * fromRow);
        var s30 = columns.Load(from + 3 * fromRow);
        var s40 = columns.Load(from + 4 * fromRow);
        var s50 = columns.Load(from + 5 * fromRow);
        var s60 = columns.Load(from + 6 * fromRow);
        var s70 = columns.Load(from + 7 * fromRow);
        var row3 = 3 * row;
        var lower = a + 4 * row;
        for (; depth > 0; depth--, b += T.Width, a += step, lower += step)
        {
            var b0 = T.Load(in *b, 0);
            var x = T.All(a[0]);
            s00 = T.Fma(x, b0, s00);
            x = T.All(a[row]);
            s10 = T.Fma(x, b0, s10);
            x = T.All(a[2 * row]);
            s20 = T.Fma(x, b0, s20);
            x = T.All(a[row3]);
            s30 = T.Fma(x, b0, s30);
            x = T.All(lower[0]);
            s40 = T.Fma(x, b0, s40);
            x = T.All(lower[row]);
            s50 = T.Fma(x, b0, s50);
            x = T.All(lower[2 * row]);
            s60 = T.Fma(x, b0, s60);
            x = T.All(lower[row3]);
            s70 = T.Fma(x, b0, s70);
        }

        columns.Store(s00, c);
        columns.Store(s10, c + cRow);
        columns.Store(s20, c + 2 * cRow);
        columns.Store(s30, c + 3 * cRow);
        columns.Store(s40, c + 4 * cRow);
        columns.Store(s50, c + 5 * cRow);
        columns.Store(s60, c + 6 * cRow);
        columns.Store(s70, c + 7 * cRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6Wide2<T, TSource, TColumns>(float* a, nint row, nint step, float* b, nint bStep, float* panel, nint depth, float* from, nint fromRow, float* c, nint cRow, TColumns columns)
        where T : struct, ILane<T>
        where TSource : struct, IPanelSource
        where TColumns : struct, IColumns<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s01 = columns.Load(from + T.Width);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s11 = columns.Load(from + fromRow + T.Width);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s21 = columns.Load(from + 2 * fromRow + T.Width);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s31 = columns.Load(from + 3 * fromRow + T.Width);
        var s40 = T.Load(in *(from + 4 * fromRow), 0);
        var s41 = columns.Load(from + 4 * fromRow + T.Width);
        var s50 = T.Load(in *(from + 5 * fromRow), 0);
        var s51 = columns.Load(from + 5 * fromRow + T.Width);
        var row3 = 3 * row;
        var lower = a + 4 * row;
        for (; depth > 0; depth--, b += TSource.Fills ? bStep : 2 * T.Width, a += step, lower += step)
        {
            var b0 = T.Load(in *b, 0);
            var b1 = T.Load(in *(b + T.Width), 0);
            if (TSource.Fills) Fill(b, bStep, b0, b1, ref panel);
            var x = T.All(a[0]);
            s00 = T.Fma(x, b0, s00);
            s01 = T.Fma(x, b1, s01);
            x = T.All(a[row]);
            s10 = T.Fma(x, b0, s10);
            s11 = T.Fma(x, b1, s11);
            x = T.All(a[2 * row]);
            s20 = T.Fma(x, b0, s20);
            s21 = T.Fma(x, b1, s21);
            x = T.All(a[row3]);
            s30 = T.Fma(x, b0, s30);
            s31 = T.Fma(x, b1, s31);
            x = T.All(lower[0]);
            s40 = T.Fma(x, b0, s40);
            s41 = T.Fma(x, b1, s41);
            x = T.All(lower[row]);
            s50 = T.Fma(x, b0, s50);
            s51 = T.Fma(x, b1, s51);
        }

        s00.Store(ref *(c), 0);
        columns.Store(s01, c + T.Width);
        s10.Store(ref *(c + cRow), 0);
        columns.Store(s11, c + cRow + T.Width);
        s20.Store(ref *(c + 2 * cRow), 0);
        columns.Store(s21, c + 2 * cRow + T.Width);
        s30.Store(ref *(c + 3 * cRow), 0);
        columns.Store(s31, c + 3 * cRow + T.Width);
        s40.Store(ref *(c + 4 * cRow), 0);
        columns.Store(s41, c + 4 * cRow + T.Width);
        s50.Store(ref *(c + 5 * cRow), 0);
        columns.Store(s51, c + 5 * cRow + T.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6Wide1<T, TColumns>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var s00 = columns.Load(from);
        var s10 = columns.Load(from + fromRow);
        var s20 = columns.Load(from + 2 * fromRow);
        var s30 = columns.Load(from + 3 * fromRow);
        var s40 = columns.Load(from + 4 * fromRow);
        var s50 = columns.Load(from + 5 * fromRow);
        var row3 = 3 * row;
        var lower = a + 4 * row;
        for (; depth > 0; depth--, b += T.Width, a += step, lower += step)
        {
            var b0 = T.Load(in *b, 0);
            var x = T.All(a[0]);
            s00 = T.Fma(x, b0, s00);
            x = T.All(a[row]);
            s10 = T.Fma(x, b0, s10);
            x = T.All(a[2 * row]);
            s20 = T.Fma(x, b0, s20);
            x = T.All(a[row3]);
            s30 = T.Fma(x, b0, s30);
            x = T.All(lower[0]);
            s40 = T.Fma(x, b0, s40);
            x = T.All(lower[row]);
            s50 = T.Fma(x, b0, s50);
        }

        columns.Store(s00, c);
        columns.Store(s10, c + cRow);
        columns.Store(s20, c + 2 * cRow);
        columns.Store(s30, c + 3 * cRow);
        columns.Store(s40, c + 4 * cRow);
        columns.Store(s50, c + 5 * cRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows4Wide2<T, TColumns>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s01 = columns.Load(from + T.Width);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s11 = columns.Load(from + fromRow + T.Width);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s21 = columns.Load(from + 2 * fromRow + T.Width);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s31 = columns.Load(from + 3 * fromRow + T.Width);
        var row3 = 3 * row;
        for (; depth > 0; depth--, b += 2 * T.Width, a += step)
        {
            var b0 = T.Load(in *b, 0);
            var b1 = T.Load(in *(b + T.Width), 0);
            var x = T.All(a[0]);
            s00 = T.Fma(x, b0, s00);
            s01 = T.Fma(x, b1, s01);
            x = T.All(a[row]);
            s10 = T.Fma(x, b0, s10);
            s11 = T.Fma(x, b1, s11);
            x = T.All(a[2 * row]);
            s20 = T.Fma(x, b0, s20);
            s21 = T.Fma(x, b1, s21);
            x = T.All(a[row3]);
            s30 = T.Fma(x, b0, s30);
            s31 = T.Fma(x, b1, s31);
        }

        s00.Store(ref *(c), 0);
        columns.Store(s01, c + T.Width);
        s10.Store(ref *(c + cRow), 0);
        columns.Store(s11, c + cRow + T.Width);
        s20.Store(ref *(c + 2 * cRow), 0);
        columns.Store(s21, c + 2 * cRow + T.Width);
        s30.Store(ref *(c + 3 * cRow), 0);
        columns.Store(s31, c + 3 * cRow + T.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows4Wide1<T, TColumns>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var s00 = columns.Load(from);
        var s10 = columns.Load(from + fromRow);
        var s20 = columns.Load(from + 2 * fromRow);
        var s30 = columns.Load(from + 3 * fromRow);
        var row3 = 3 * row;
        for (; depth > 0; depth--, b += T.Width, a += step)
        {
            var b0 = T.Load(in *b, 0);
            var x = T.All(a[0]);
            s00 = T.Fma(x, b0, s00);
            x = T.All(a[row]);
            s10 = T.Fma(x, b0, s10);
            x = T.All(a[2 * row]);
            s20 = T.Fma(x, b0, s20);
            x = T.All(a[row3]);
            s30 = T.Fma(x, b0, s30);
        }

        columns.Store(s00, c);
        columns.Store(s10, c + cRow);
        columns.Store(s20, c + 2 * cRow);
        columns.Store(s30, c + 3 * cRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row1<T, TColumns>(bool wide, float* a, nint step, float* b, nint depth, float* from, float* c, TColumns columns)
        where T : struct, ILane<T>
        where TColumns : struct, IColumns<T>
    {
        var width = wide ? 2 * T.Width : T.Width;
        var second = wide ? T.Width : 0; // a narrow row is computed twice over: simpler than a tile of its own
        var s0 = wide ? T.Load(in *from, 0) : columns.Load(from);
        var s1 = columns.Load(from + second);
        for (; depth > 0; depth--, b += width, a += step)
        {
            var x = T.All(*a);
            s0 = T.Fma(x, T.Load(in *b, 0), s0);
            s1 = T.Fma(x, T.Load(in *(b + second), 0), s1);
        }

        if (wide) s0.Store(ref *c, 0);
        columns.Store(s1, c + second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill<T>(float* b, nint bStep, T b0, T b1, ref float* panel)
        where T : struct, ILane<T>
    {
        b0.Store(ref *panel, 0);
        b1.Store(ref *panel, T.Width);
        panel += 2 * T.Width;
        if (!Sse.IsSupported) return;
        Sse.Prefetch0(b + RowsAhead * bStep);
        Sse.Prefetch0(b + RowsAhead * bStep + T.Width);
    }
}

/// <summary>How the last vector of a tile's rows meets C: as a whole, or the columns that there are.</summary>
internal unsafe interface IColumns<T>
{
    T Load(float* from);

    void Store(T sums, float* to);
}

/// <summary>All of its columns are C's.</summary>
internal readonly unsafe struct AllColumns<T> : IColumns<T>
    where T : struct, ILane<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Load(float* from) => T.Load(in *from, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T sums, float* to) => sums.Store(ref *to, 0);
}

/// <summary>C ends within it.</summary>
/// <param name="mask">The columns of C.</param>
internal readonly unsafe struct FirstColumns<T>(T mask) : IColumns<T>
    where T : struct, ILane<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Load(float* from) => T.LoadPart(from, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T sums, float* to) => sums.StorePart(to, mask);
}

/// <summary>Where a tile reads its rows of B.</summary>
internal interface IPanelSource
{
    /// <summary>True: where B lies, and the panel is filled on the way; false: in the panel.</summary>
    static abstract bool Fills { get; }
}

/// <summary>A panel that holds its rows.</summary>
internal readonly struct FilledPanel : IPanelSource
{
    public static bool Fills => false;
}

/// <summary>B itself, row by row: the first tile that needs a panel fills it, in the time that its arithmetic takes anyway.</summary>
internal readonly struct FillingPanel : IPanelSource
{
    public static bool Fills => true;
}
