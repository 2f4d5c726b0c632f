using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels;

/// <summary>One sparse row as the loops see it: where it starts in memory, and how long it is.</summary>
internal readonly ref struct RowCursor
{
    public readonly ref uint Indices;
    public readonly ref float Values;
    public readonly int Start;
    public readonly int Count;
    public readonly float Label;
    public readonly float Weight;

    /// <summary>The row with this number; throws when it does not lie inside the block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowCursor(in SparseRows rows, int row)
    {
        Start = rows.RowStarts[row];
        Count = rows.RowStarts[row + 1] - Start;
        if ((uint)Start > (uint)rows.Indices.Length || (uint)Count > (uint)(rows.Indices.Length - Start)) ThrowRow(row);
        Indices = ref Unsafe.Add(ref MemoryMarshal.GetReference(rows.Indices), Start);
        Values = ref Unsafe.Add(ref MemoryMarshal.GetReference(rows.Values), Start);
        Label = rows.Labels[row];
        Weight = rows.Weights.IsEmpty ? 1f : rows.Weights[row];
    }

    /// <summary>
    /// Asks for the cache lines of a row that will be visited soon: a shuffled order defeats the hardware's own guesses.
    /// A prefetch never faults, so the addresses need no pinning.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Prefetch(in SparseRows rows, int row)
    {
        if (!Sse.IsSupported) return;
        const int FloatsPerLine = 16;
        nint start = rows.RowStarts[row];
        nint end = rows.RowStarts[row + 1];
        var indices = (uint*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(rows.Indices));
        var values = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(rows.Values));
        for (var i = start; i < end; i += FloatsPerLine)
        {
            Sse.Prefetch0(indices + i);
            Sse.Prefetch0(values + i);
        }

        // A row seldom starts where a line does: its end may lie a line further. For short rows that costs more than it gains.
        if (end - start <= FloatsPerLine) return;
        Sse.Prefetch0(indices + end - 1);
        Sse.Prefetch0(values + end - 1);
    }

    [DoesNotReturn]
    private static void ThrowRow(int row) => throw new ArgumentException($"Row {row} does not lie inside the non-zeros of its block.");
}
