using System.Buffers;
using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>A range of a <see cref="NativeBuffer{T}"/> seen as <see cref="Memory{T}"/>; keeps the buffer reachable, does not own it.</summary>
internal sealed unsafe class NativeBufferMemory<T>(NativeBuffer<T> buffer, long start, int length) : MemoryManager<T>
    where T : unmanaged
{
    public override Span<T> GetSpan() => buffer.AsSpan(start, length);

    // Native memory does not move: pinning needs no bookkeeping.
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elementIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementIndex, length);
        return new MemoryHandle(Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetReference(GetSpan()[elementIndex..])));
    }

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
