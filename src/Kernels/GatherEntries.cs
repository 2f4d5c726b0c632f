using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>packed[stride·i + s] = entries[stride·localKeys[i] + s] for s &lt; stride: the entries of some keys, copied together for a pull.</summary>
public static class GatherEntries
{
    /// <summary>Copies entries. Other threads may write them at the same time: each float is read whole, an entry perhaps half old, half new.</summary>
    /// <param name="entries">Table of entries of <paramref name="stride"/> floats each.</param>
    /// <param name="stride">Floats per entry, at least 1.</param>
    /// <param name="localKeys">Keys counted from the start of the table; the caller guarantees (<see cref="IndexBound"/>) that each
    /// is below the number of entries.</param>
    /// <param name="packed">Receives stride floats per key; must not overlap the table.</param>
    /// <exception cref="ArgumentException">The length of <paramref name="packed"/> is not stride times the number of keys.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is below 1.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(ReadOnlySpan<float> entries, int stride, ReadOnlySpan<uint> localKeys, Span<float> packed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        KernelGuard.SameLength(stride * localKeys.Length, packed.Length, nameof(packed));
        ref float from = ref MemoryMarshal.GetReference(entries);
        ref float to = ref MemoryMarshal.GetReference(packed);
        ref uint keys = ref MemoryMarshal.GetReference(localKeys);
        switch (stride)
        {
            case 1:
                CopyAs(ref from, ref keys, localKeys.Length, ref to);
                break;
            case 2:
                CopyAs(ref Unsafe.As<float, ulong>(ref from), ref keys, localKeys.Length, ref Unsafe.As<float, ulong>(ref to));
                break;
            case 3:
                CopyAs(ref Unsafe.As<float, Vector3>(ref from), ref keys, localKeys.Length, ref Unsafe.As<float, Vector3>(ref to));
                break;
            default:
                CopyRuns(entries, stride, localKeys, packed);
                break;
        }
    }

    private static void CopyRuns(ReadOnlySpan<float> entries, int stride, ReadOnlySpan<uint> localKeys, Span<float> packed)
    {
        for (var i = 0; i < localKeys.Length; i++)
            entries.Slice(checked((int)(localKeys[i] * (long)stride)), stride).CopyTo(packed.Slice(i * stride, stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyAs<TEntry>(ref TEntry entries, ref uint keys, nint count, ref TEntry packed)
        where TEntry : unmanaged
    {
        for (nint i = 0; i < count; i++) Unsafe.Add(ref packed, i) = Unsafe.Add(ref entries, Unsafe.Add(ref keys, i));
    }
}
