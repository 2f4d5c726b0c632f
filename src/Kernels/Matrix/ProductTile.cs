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
    public static void Rows8Wide2<T, TSource>(float* a, nint row, nint step, float* b, nint bStep, float* panel, nint depth, float* from, nint fromRow, float* c, nint cRow)
        where T : struct, ILane<T>
        where TSource : struct, IPanelSource
    {
        var s00 = T.Load(in *(from), 0);
        var s01 = T.Load(in *(from + T.Width), 0);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s11 = T.Load(in *(from + fromRow + T.Width), 0);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s21 = T.Load(in *(from + 2 * fromRow + T.Width), 0);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s31 = T.Load(in *(from + 3 * fromRow + T.Width), 0);
        var s40 = T.Load(in *(from + 4 * fromRow), 0);
        var s41 = T.Load(in *(from + 4 * fromRow + T.Width), 0);
        var s50 = T.Load(in *(from + 5 * fromRow), 0);
        var s51 = T.Load(in *(from + 5 * fromRow + T.Width), 0);
        var s60 = T.Load(in *(from + 6 * fromRow), 0);
        var s61 = T.Load(in *(from + 6 * fromRow + T.Width), 0);
        var s70 = T.Load(in *(from + 7 * fromRow), 0);
        var s71 = T.Load(in *(from + 7 * fromRow + T.Width), 0);
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
        s01.Store(ref *(c + T.Width), 0);
        s10.Store(ref *(c + cRow), 0);
        s11.Store(ref *(c + cRow + T.Width), 0);
        s20.Store(ref *(c + 2 * cRow), 0);
        s21.Store(ref *(c + 2 * cRow + T.Width), 0);
        s30.Store(ref *(c + 3 * cRow), 0);
        s31.Store(ref *(c + 3 * cRow + T.Width), 0);
        s40.Store(ref *(c + 4 * cRow), 0);
        s41.Store(ref *(c + 4 * cRow + T.Width), 0);
        s50.Store(ref *(c + 5 * cRow), 0);
        s51.Store(ref *(c + 5 * cRow + T.Width), 0);
        s60.Store(ref *(c + 6 * cRow), 0);
        s61.Store(ref *(c + 6 * cRow + T.Width), 0);
        s70.Store(ref *(c + 7 * cRow), 0);
        s71.Store(ref *(c + 7 * cRow + T.Width), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows8Wide1<T>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow)
        where T : struct, ILane<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s40 = T.Load(in *(from + 4 * fromRow), 0);
        var s50 = T.Load(in *(from + 5 * fromRow), 0);
        var s60 = T.Load(in *(from + 6 * fromRow), 0);
        var s70 = T.Load(in *(from + 7 * fromRow), 0);
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

        s00.Store(ref *(c), 0);
        s10.Store(ref *(c + cRow), 0);
        s20.Store(ref *(c + 2 * cRow), 0);
        s30.Store(ref *(c + 3 * cRow), 0);
        s40.Store(ref *(c + 4 * cRow), 0);
        s50.Store(ref *(c + 5 * cRow), 0);
        s60.Store(ref *(c + 6 * cRow), 0);
        s70.Store(ref *(c + 7 * cRow), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6Wide2<T, TSource>(float* a, nint row, nint step, float* b, nint bStep, float* panel, nint depth, float* from, nint fromRow, float* c, nint cRow)
        where T : struct, ILane<T>
        where TSource : struct, IPanelSource
    {
        var s00 = T.Load(in *(from), 0);
        var s01 = T.Load(in *(from + T.Width), 0);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s11 = T.Load(in *(from + fromRow + T.Width), 0);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s21 = T.Load(in *(from + 2 * fromRow + T.Width), 0);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s31 = T.Load(in *(from + 3 * fromRow + T.Width), 0);
        var s40 = T.Load(in *(from + 4 * fromRow), 0);
        var s41 = T.Load(in *(from + 4 * fromRow + T.Width), 0);
        var s50 = T.Load(in *(from + 5 * fromRow), 0);
        var s51 = T.Load(in *(from + 5 * fromRow + T.Width), 0);
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
        s01.Store(ref *(c + T.Width), 0);
        s10.Store(ref *(c + cRow), 0);
        s11.Store(ref *(c + cRow + T.Width), 0);
        s20.Store(ref *(c + 2 * cRow), 0);
        s21.Store(ref *(c + 2 * cRow + T.Width), 0);
        s30.Store(ref *(c + 3 * cRow), 0);
        s31.Store(ref *(c + 3 * cRow + T.Width), 0);
        s40.Store(ref *(c + 4 * cRow), 0);
        s41.Store(ref *(c + 4 * cRow + T.Width), 0);
        s50.Store(ref *(c + 5 * cRow), 0);
        s51.Store(ref *(c + 5 * cRow + T.Width), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6Wide1<T>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow)
        where T : struct, ILane<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s40 = T.Load(in *(from + 4 * fromRow), 0);
        var s50 = T.Load(in *(from + 5 * fromRow), 0);
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

        s00.Store(ref *(c), 0);
        s10.Store(ref *(c + cRow), 0);
        s20.Store(ref *(c + 2 * cRow), 0);
        s30.Store(ref *(c + 3 * cRow), 0);
        s40.Store(ref *(c + 4 * cRow), 0);
        s50.Store(ref *(c + 5 * cRow), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows4Wide2<T>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow)
        where T : struct, ILane<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s01 = T.Load(in *(from + T.Width), 0);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s11 = T.Load(in *(from + fromRow + T.Width), 0);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s21 = T.Load(in *(from + 2 * fromRow + T.Width), 0);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
        var s31 = T.Load(in *(from + 3 * fromRow + T.Width), 0);
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
        s01.Store(ref *(c + T.Width), 0);
        s10.Store(ref *(c + cRow), 0);
        s11.Store(ref *(c + cRow + T.Width), 0);
        s20.Store(ref *(c + 2 * cRow), 0);
        s21.Store(ref *(c + 2 * cRow + T.Width), 0);
        s30.Store(ref *(c + 3 * cRow), 0);
        s31.Store(ref *(c + 3 * cRow + T.Width), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows4Wide1<T>(float* a, nint row, nint step, float* b, nint depth, float* from, nint fromRow, float* c, nint cRow)
        where T : struct, ILane<T>
    {
        var s00 = T.Load(in *(from), 0);
        var s10 = T.Load(in *(from + fromRow), 0);
        var s20 = T.Load(in *(from + 2 * fromRow), 0);
        var s30 = T.Load(in *(from + 3 * fromRow), 0);
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

        s00.Store(ref *(c), 0);
        s10.Store(ref *(c + cRow), 0);
        s20.Store(ref *(c + 2 * cRow), 0);
        s30.Store(ref *(c + 3 * cRow), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row1<T>(bool wide, float* a, nint step, float* b, nint depth, float* from, float* c)
        where T : struct, ILane<T>
    {
        var width = wide ? 2 * T.Width : T.Width;
        var second = wide ? T.Width : 0; // a narrow row is computed twice over: simpler than a tile of its own
        var s0 = T.Load(in *from, 0);
        var s1 = T.Load(in *(from + second), 0);
        for (; depth > 0; depth--, b += width, a += step)
        {
            var x = T.All(*a);
            s0 = T.Fma(x, T.Load(in *b, 0), s0);
            s1 = T.Fma(x, T.Load(in *(b + second), 0), s1);
        }

        s0.Store(ref *c, 0);
        s1.Store(ref *(c + second), 0);
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
