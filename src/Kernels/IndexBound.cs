using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DistSgd.Kernels;

/// <summary>
/// The check that lets the sparse kernels go without a bounds check per element: every index is below a limit. Call it once when
/// data enters (a row read, a push received), then the rows may be walked any number of times.
/// </summary>
public static class IndexBound
{
    /// <summary>Throws unless every index is below <paramref name="limit"/>.</summary>
    /// <param name="indices">The indices, in any order.</param>
    /// <param name="limit">Exclusive bound, for instance the length of the weights.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is at or above the limit; the message names it.</exception>
    public static void Check(ReadOnlySpan<uint> indices, long limit)
    {
        if (indices.Length > 0 && Max(indices) >= limit) ThrowIndex(indices, limit);
    }

    /// <summary>The largest index; 0 when there is none.</summary>
    /// <param name="indices">The indices, in any order.</param>
    public static uint Max(ReadOnlySpan<uint> indices) => Max(KernelForms.Best, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Max(KernelForm form, ReadOnlySpan<uint> indices) =>
        form == KernelForm.Portable ? MaxPortable(indices, 0, 0) : Max256(indices);

    // 256 bits also on machines with 512: the loop waits for memory either way.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Max256(ReadOnlySpan<uint> indices)
    {
        ref uint from = ref MemoryMarshal.GetReference(indices);
        var first = Vector256<uint>.Zero;
        var second = Vector256<uint>.Zero;
        var i = 0;
        for (; i <= indices.Length - 16; i += 16)
        {
            first = Vector256.Max(first, Vector256.LoadUnsafe(ref from, (nuint)i));
            second = Vector256.Max(second, Vector256.LoadUnsafe(ref from, (nuint)i + 8));
        }

        first = Vector256.Max(first, second);
        var largest = 0u;
        for (var lane = 0; lane < Vector256<uint>.Count; lane++) largest = Math.Max(largest, first.GetElement(lane));
        return MaxPortable(indices, i, largest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint MaxPortable(ReadOnlySpan<uint> indices, int start, uint largest)
    {
        for (var i = start; i < indices.Length; i++) largest = Math.Max(largest, indices[i]);
        return largest;
    }

    [DoesNotReturn]
    private static void ThrowIndex(ReadOnlySpan<uint> indices, long limit)
    {
        var at = 0;
        while (indices[at] < limit) at++;
        throw new ArgumentOutOfRangeException(
            nameof(indices), indices[at], $"Index {indices[at]} at position {at} is not below the limit {limit}.");
    }
}
