using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static System.MathF;
using static System.Runtime.CompilerServices.Unsafe;

namespace DistSgd.Kernels;

/// <summary>weights[j] = fma(a, values[i], weights[j]) with j = indices[i]: a multiple of a sparse row added to dense weights. Scalar code in every form.</summary>
public static class SparseAxpy
{
    /// <summary>Adds a multiple of a sparse row. The weights may be written by other threads at the same time (Hogwild): plain 4-byte loads and stores.</summary>
    /// <param name="a">The factor.</param>
    /// <param name="indices">Positions, unique and ascending. The caller guarantees (<see cref="IndexBound"/>) that each is below
    /// the length of <paramref name="weights"/>: it is not checked here, and memory elsewhere would be overwritten.</param>
    /// <param name="values">One value per index.</param>
    /// <param name="weights">The dense vector, read and written.</param>
    /// <exception cref="ArgumentException">Indices and values differ in number.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(float a, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, Span<float> weights)
    {
        KernelGuard.SameLength(indices.Length, values.Length, nameof(values));
        Row(
            a,
            ref MemoryMarshal.GetReference(indices),
            ref MemoryMarshal.GetReference(values),
            ref MemoryMarshal.GetReference(weights),
            indices.Length);
    }

    // The indices of a row are unique, so four loads may stand before four stores.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Row(float a, ref uint indices, ref float values, ref float weights, nint count)
    {
        nint i = 0;
        for (; i <= count - 4; i += 4)
        {
            ref float w0 = ref Add(ref weights, Add(ref indices, i));
            ref float w1 = ref Add(ref weights, Add(ref indices, i + 1));
            ref float w2 = ref Add(ref weights, Add(ref indices, i + 2));
            ref float w3 = ref Add(ref weights, Add(ref indices, i + 3));
            var s0 = FusedMultiplyAdd(a, Add(ref values, i), w0);
            var s1 = FusedMultiplyAdd(a, Add(ref values, i + 1), w1);
            var s2 = FusedMultiplyAdd(a, Add(ref values, i + 2), w2);
            var s3 = FusedMultiplyAdd(a, Add(ref values, i + 3), w3);
            w0 = s0;
            w1 = s1;
            w2 = s2;
            w3 = s3;
        }

        if (i < count) Step(a, ref indices, ref values, ref weights, i);
        if (i + 1 < count) Step(a, ref indices, ref values, ref weights, i + 1);
        if (i + 2 < count) Step(a, ref indices, ref values, ref weights, i + 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(float a, ref uint indices, ref float values, ref float weights, nint i)
    {
        ref float w = ref Add(ref weights, Add(ref indices, i));
        w = FusedMultiplyAdd(a, Add(ref values, i), w);
    }
}
