using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>entries[stride·localKeys[i] + s] = entries[…] + packed[stride·i + s] for s &lt; stride: the deltas of some keys, added by a push.</summary>
public static class ScatterAddEntries
{
    /// <summary>Adds deltas. Other threads may do the same at the same time (Hogwild): plain 4-byte loads and stores.</summary>
    /// <param name="localKeys">Unique keys, counted from the start of the table; the caller guarantees (<see cref="IndexBound"/>) that
    /// each is below the number of entries.</param>
    /// <param name="packed">stride floats per key; must not overlap the table.</param>
    /// <param name="stride">Floats per entry, at least 1.</param>
    /// <param name="entries">Table of entries of <paramref name="stride"/> floats each, read and written.</param>
    /// <exception cref="ArgumentException">The length of <paramref name="packed"/> is not stride times the number of keys.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is below 1.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(ReadOnlySpan<uint> localKeys, ReadOnlySpan<float> packed, int stride, Span<float> entries)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        KernelGuard.SameLength(stride * localKeys.Length, packed.Length, nameof(packed));
        ref float to = ref MemoryMarshal.GetReference(entries);
        ref float from = ref MemoryMarshal.GetReference(packed);
        ref uint keys = ref MemoryMarshal.GetReference(localKeys);
        switch (stride)
        {
            case 1:
                AddAll(ref keys, localKeys.Length, ref from, 1, ref to);
                break;
            case 2:
                AddAll(ref keys, localKeys.Length, ref from, 2, ref to);
                break;
            case 3:
                AddAll(ref keys, localKeys.Length, ref from, 3, ref to);
                break;
            default:
                AddRuns(localKeys, packed, stride, entries);
                break;
        }
    }

    private static void AddRuns(ReadOnlySpan<uint> localKeys, ReadOnlySpan<float> packed, int stride, Span<float> entries)
    {
        for (var i = 0; i < localKeys.Length; i++)
            Add.Apply(packed.Slice(i * stride, stride), entries.Slice(checked((int)(localKeys[i] * (long)stride)), stride));
    }

    // Inlined three times, each with a constant stride.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddAll(ref uint keys, nint count, ref float packed, nint stride, ref float entries)
    {
        for (nint i = 0; i < count; i++)
        {
            ref float entry = ref Unsafe.Add(ref entries, (nint)Unsafe.Add(ref keys, i) * stride);
            ref float delta = ref Unsafe.Add(ref packed, i * stride);
            entry += delta;
            if (stride > 1) Unsafe.Add(ref entry, 1) += Unsafe.Add(ref delta, 1);
            if (stride > 2) Unsafe.Add(ref entry, 2) += Unsafe.Add(ref delta, 2);
        }
    }
}
