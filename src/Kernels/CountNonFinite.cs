using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>How many elements are NaN or infinite: what a refused push reports.</summary>
public static class CountNonFinite
{
    private const int ExponentBits = 0x7F800000;

    /// <summary>Counts the elements that are NaN, +∞ or −∞.</summary>
    /// <param name="x">The vector.</param>
    public static int Compute(ReadOnlySpan<float> x) => Compute(KernelForms.Best, x);

    // A refused push is rare: one width of vectors is enough.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Compute(KernelForm form, ReadOnlySpan<float> x)
    {
        var (done, count) = form == KernelForm.Portable ? (0, 0) : Vectors(MemoryMarshal.Cast<float, int>(x));
        for (var i = done; i < x.Length; i++) count += float.IsFinite(x[i]) ? 0 : 1;
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (int Done, int Count) Vectors(ReadOnlySpan<int> bits)
    {
        var exponent = new Vector<int>(ExponentBits);
        var count = Vector<int>.Zero;
        var i = 0;
        for (; i <= bits.Length - Vector<int>.Count; i += Vector<int>.Count)
        {
            count -= Vector.Equals(new Vector<int>(bits[i..]) & exponent, exponent);
        }

        return (i, Vector.Sum(count));
    }
}
