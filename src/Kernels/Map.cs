using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>One output from one input, element by element.</summary>
internal interface IMap1
{
    /// <summary>The formula on one element.</summary>
    float Invoke(float x);

    /// <summary>The same formula on a vector; same bits per lane.</summary>
    T Invoke<T>(T x)
        where T : struct, ILane<T>;
}

/// <summary>One output from two inputs, element by element.</summary>
internal interface IMap2
{
    /// <summary>The formula on one pair of elements.</summary>
    float Invoke(float x, float y);

    /// <summary>The same formula on vectors; same bits per lane.</summary>
    T Invoke<T>(T x, T y)
        where T : struct, ILane<T>;
}

/// <summary>
/// The loops behind the elementwise kernels: whole vectors first, the rest one by one. The output may be exactly one of the
/// inputs; partial overlap is the caller's error.
/// </summary>
internal static class Map
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply<TOp>(KernelForm form, TOp op, ReadOnlySpan<float> x, Span<float> result)
        where TOp : struct, IMap1
    {
        if (form == KernelForm.Avx512) Vectors<TOp, Lane16>(op, x, result);
        else if (form == KernelForm.Avx2) Vectors<TOp, Lane8>(op, x, result);
        else Scalars(op, x, result, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply<TOp>(KernelForm form, TOp op, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> result)
        where TOp : struct, IMap2
    {
        if (form == KernelForm.Avx512) Vectors<TOp, Lane16>(op, x, y, result);
        else if (form == KernelForm.Avx2) Vectors<TOp, Lane8>(op, x, y, result);
        else Scalars(op, x, y, result, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Vectors<TOp, T>(TOp op, ReadOnlySpan<float> x, Span<float> result)
        where TOp : struct, IMap1
        where T : struct, ILane<T>
    {
        ref float from = ref MemoryMarshal.GetReference(x);
        ref float to = ref MemoryMarshal.GetReference(result);
        var i = 0;
        for (; i <= x.Length - T.Width; i += T.Width) op.Invoke(T.Load(ref from, i)).Store(ref to, i);
        Scalars(op, x, result, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Vectors<TOp, T>(TOp op, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> result)
        where TOp : struct, IMap2
        where T : struct, ILane<T>
    {
        ref float left = ref MemoryMarshal.GetReference(x);
        ref float right = ref MemoryMarshal.GetReference(y);
        ref float to = ref MemoryMarshal.GetReference(result);
        var i = 0;
        for (; i <= x.Length - 2 * T.Width; i += 2 * T.Width)
        {
            var first = op.Invoke(T.Load(ref left, i), T.Load(ref right, i));
            var second = op.Invoke(T.Load(ref left, i + T.Width), T.Load(ref right, i + T.Width));
            first.Store(ref to, i);
            second.Store(ref to, i + T.Width);
        }

        Scalars(op, x, y, result, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scalars<TOp>(TOp op, ReadOnlySpan<float> x, Span<float> result, int start)
        where TOp : struct, IMap1
    {
        for (var i = start; i < x.Length; i++) result[i] = op.Invoke(x[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scalars<TOp>(TOp op, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> result, int start)
        where TOp : struct, IMap2
    {
        for (var i = start; i < x.Length; i++) result[i] = op.Invoke(x[i], y[i]);
    }
}
