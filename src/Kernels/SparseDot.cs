using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static System.MathF;
using static System.Runtime.CompilerServices.Unsafe;

namespace DistSgd.Kernels;

/// <summary>
/// Σ weights[indices[i]]·values[i]. Four accumulators start at +0; element i goes to accumulator i mod 4,
/// a = fma(w, x, a), in ascending i; the result is (a₀ + a₁) + (a₂ + a₃). Scalar code in every form.
/// </summary>
public static class SparseDot
{
    /// <summary>Computes the dot product of a sparse row with dense weights.</summary>
    /// <param name="weights">The dense vector.</param>
    /// <param name="indices">Positions, unique and ascending. The caller guarantees (<see cref="IndexBound"/>) that each is below
    /// the length of <paramref name="weights"/>: it is not checked here, and memory elsewhere would be read.</param>
    /// <param name="values">One value per index.</param>
    /// <exception cref="ArgumentException">Indices and values differ in number.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Compute(ReadOnlySpan<float> weights, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        KernelGuard.SameLength(indices.Length, values.Length, nameof(values));
        return Row(
            ref MemoryMarshal.GetReference(weights),
            ref MemoryMarshal.GetReference(indices),
            ref MemoryMarshal.GetReference(values),
            indices.Length);
    }

    /// <summary>The same over entries of any size whose first float is the weight (an interleaved table has entries of 8 bytes or more).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Row<TEntry>(ref TEntry entries, ref uint indices, ref float values, nint count)
        where TEntry : unmanaged
    {
        float a0 = 0, a1 = 0, a2 = 0, a3 = 0;
        nint i = 0;
        for (; i <= count - 4; i += 4)
        {
            a0 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i)), Add(ref values, i), a0);
            a1 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i + 1)), Add(ref values, i + 1), a1);
            a2 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i + 2)), Add(ref values, i + 2), a2);
            a3 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i + 3)), Add(ref values, i + 3), a3);
        }

        if (i < count) a0 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i)), Add(ref values, i), a0);
        if (i + 1 < count) a1 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i + 1)), Add(ref values, i + 1), a1);
        if (i + 2 < count) a2 = FusedMultiplyAdd(Weight(ref entries, Add(ref indices, i + 2)), Add(ref values, i + 2), a2);
        return a0 + a1 + (a2 + a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Weight<TEntry>(ref TEntry entries, uint index)
        where TEntry : unmanaged => As<TEntry, float>(ref Add(ref entries, index));
}
