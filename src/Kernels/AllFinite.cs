using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>Whether no element is NaN or infinite: the largest magnitude, as bits, is below that of infinity.</summary>
public static class AllFinite
{
    private const uint InfinityBits = 0x7F800000;

    /// <summary>Checks every element; true for an empty vector.</summary>
    /// <param name="x">The vector.</param>
    public static bool Check(ReadOnlySpan<float> x) => Check(KernelForms.Best, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Check(KernelForm form, ReadOnlySpan<float> x) => MaxMagnitude.Bits(form, x) < InfinityBits;
}
