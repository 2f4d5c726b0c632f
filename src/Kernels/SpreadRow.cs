using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels;

/// <summary>dense[indices[i]] = values[i], and 0 elsewhere: a sparse row written out.</summary>
public static class SpreadRow
{
    private const int Unrolled = 4;
    private const int LineFloats = 16;

    /// <summary>Asks the processor for a row that will be written out soon. It is advice: nothing happens where it is not possible.</summary>
    /// <param name="indices">Its indices.</param>
    /// <param name="values">Its values.</param>
    public static unsafe void Prefetch(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        if (!Sse.IsSupported) return;
        fixed (uint* places = indices)
        fixed (float* from = values)
        {
            for (var i = 0; i < indices.Length; i += LineFloats) Sse.Prefetch0(places + i);
            for (var i = 0; i < values.Length; i += LineFloats) Sse.Prefetch0(from + i);
        }
    }

    /// <summary>Writes one row.</summary>
    /// <param name="indices">Unique, ascending.</param>
    /// <param name="values">One an index.</param>
    /// <param name="dense">Overwritten.</param>
    /// <exception cref="ArgumentException">There isn't one value an index.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The last index lies beyond the row.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, Span<float> dense)
    {
        KernelGuard.SameLength(indices.Length, values.Length, nameof(values));
        if (!indices.IsEmpty) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(indices[^1], (uint)dense.Length, nameof(indices));
        // Unique and ascending: a row with as many indices as places has them all.
        if (indices.Length == dense.Length)
        {
            values.CopyTo(dense);
            return;
        }

        dense.Clear();
        ref var places = ref MemoryMarshal.GetReference(indices);
        ref var from = ref MemoryMarshal.GetReference(values);
        ref var to = ref MemoryMarshal.GetReference(dense);
        nint i = 0;
        for (; i <= indices.Length - Unrolled; i += Unrolled)
        {
            Unsafe.Add(ref to, (nint)Unsafe.Add(ref places, i)) = Unsafe.Add(ref from, i);
            Unsafe.Add(ref to, (nint)Unsafe.Add(ref places, i + 1)) = Unsafe.Add(ref from, i + 1);
            Unsafe.Add(ref to, (nint)Unsafe.Add(ref places, i + 2)) = Unsafe.Add(ref from, i + 2);
            Unsafe.Add(ref to, (nint)Unsafe.Add(ref places, i + 3)) = Unsafe.Add(ref from, i + 3);
        }

        for (; i < indices.Length; i++) Unsafe.Add(ref to, (nint)Unsafe.Add(ref places, i)) = Unsafe.Add(ref from, i);
    }
}
