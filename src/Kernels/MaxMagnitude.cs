using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DistSgd.Kernels;

/// <summary>
/// max |x[i]|. Magnitudes are compared as integers (the bits without the sign), so the order does not matter and a NaN anywhere
/// makes the result NaN.
/// </summary>
public static class MaxMagnitude
{
    /// <summary>Computes the largest magnitude.</summary>
    /// <param name="x">The vector.</param>
    /// <returns>The largest magnitude; +0 for an empty vector; NaN when an element is NaN.</returns>
    public static float Compute(ReadOnlySpan<float> x) => Compute(KernelForms.Best, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Compute(KernelForm form, ReadOnlySpan<float> x) => BitConverter.UInt32BitsToSingle(Bits(form, x));

    /// <summary>The largest of the elements' bits without their signs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Bits(KernelForm form, ReadOnlySpan<float> x)
    {
        var bits = MemoryMarshal.Cast<float, uint>(x);
        return form == KernelForm.Avx512 ? Bits512(bits) : form == KernelForm.Avx2 ? Bits256(bits) : BitsPortable(bits, 0, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Bits512(ReadOnlySpan<uint> x)
    {
        ref uint from = ref MemoryMarshal.GetReference(x);
        var magnitude = Vector512.Create(uint.MaxValue >> 1);
        var first = Vector512<uint>.Zero;
        var second = Vector512<uint>.Zero;
        var i = 0;
        for (; i <= x.Length - 32; i += 32)
        {
            first = Vector512.Max(first, Vector512.LoadUnsafe(ref from, (nuint)i) & magnitude);
            second = Vector512.Max(second, Vector512.LoadUnsafe(ref from, (nuint)i + 16) & magnitude);
        }

        first = Vector512.Max(first, second);
        return BitsPortable(x, i, Largest(Vector256.Max(first.GetLower(), first.GetUpper())));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Bits256(ReadOnlySpan<uint> x)
    {
        ref uint from = ref MemoryMarshal.GetReference(x);
        var magnitude = Vector256.Create(uint.MaxValue >> 1);
        var first = Vector256<uint>.Zero;
        var second = Vector256<uint>.Zero;
        var i = 0;
        for (; i <= x.Length - 16; i += 16)
        {
            first = Vector256.Max(first, Vector256.LoadUnsafe(ref from, (nuint)i) & magnitude);
            second = Vector256.Max(second, Vector256.LoadUnsafe(ref from, (nuint)i + 8) & magnitude);
        }

        return BitsPortable(x, i, Largest(Vector256.Max(first, second)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint BitsPortable(ReadOnlySpan<uint> x, int start, uint largest)
    {
        for (var i = start; i < x.Length; i++) largest = Math.Max(largest, x[i] & (uint.MaxValue >> 1));
        return largest;
    }

    private static uint Largest(Vector256<uint> lanes)
    {
        var largest = 0u;
        for (var i = 0; i < Vector256<uint>.Count; i++) largest = Math.Max(largest, lanes.GetElement(i));
        return largest;
    }
}
