using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// Zero-initialised native memory aligned to 64 bytes. The operating system supplies zero pages only when they are first
/// touched, so a large, mostly unused buffer costs little. Freed by <see cref="Dispose"/> or, if forgotten, by the finalizer.
/// A span taken from a buffer is valid only while the buffer is reachable and not disposed. Any number of threads may read and
/// write the memory; ordering their accesses is their business.
/// </summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    /// <summary>Alignment of the first element, in bytes.</summary>
    public const int AlignmentBytes = 64;

    private readonly NativeMemoryHandle _memory;
    private readonly T* _start;

    /// <summary>Allocates a buffer of zeros.</summary>
    /// <param name="length">Number of elements, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative or too large for the address space.</exception>
    /// <exception cref="OutOfMemoryException">The operating system refused the memory.</exception>
    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, (long.MaxValue - (long)HugePages.PageBytes) / sizeof(T));
        // A buffer of many huge pages begins with one: what lies before the first would take a page fault for each 4 KiB.
        nuint alignment = length * sizeof(T) >= HugePages.BytesMin ? HugePages.PageBytes : AlignmentBytes;
        _memory = new NativeMemoryHandle((nuint)(length * sizeof(T)) + alignment);
        var address = (nuint)_memory.DangerousGetHandle();
        _start = (T*)((address + alignment - 1) & ~(alignment - 1));
        Length = length;
    }

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>The <paramref name="length"/> elements from <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie inside the buffer.</exception>
    /// <exception cref="ObjectDisposedException">The buffer has been disposed.</exception>
    public Span<T> AsSpan(long start, int length)
    {
        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        if (start < 0 || length < 0 || start > Length - length) ThrowRange(start, length);
        return new Span<T>(_start + start, length);
    }

    /// <summary>
    /// The <paramref name="length"/> elements from <paramref name="start"/> on as <see cref="Memory{T}"/>, for code that cannot
    /// hold spans. It keeps the buffer reachable, and is valid until the buffer is disposed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie inside the buffer.</exception>
    public Memory<T> AsMemory(long start, int length)
    {
        if (start < 0 || length < 0 || start > Length - length) ThrowRange(start, length);
        return new NativeBufferMemory<T>(this, start, length).Memory;
    }

    /// <summary>Frees the memory. Spans and memories taken before must no longer be used.</summary>
    public void Dispose() => _memory.Dispose();

    private void ThrowRange(long start, int length) =>
        throw new ArgumentOutOfRangeException(
            nameof(start), start, $"Elements {start} to {start + length} do not lie inside a buffer of {Length} elements.");
}

/// <summary>
/// Owns one block of zeros: a large one mapped by itself, a small one from the C allocator. That one keeps what was freed, up to 32 MiB a block, and would write zeros over all of it before it gives it out
/// again, also over what is never used.
/// </summary>
internal sealed unsafe class NativeMemoryHandle : SafeHandle
{
    private const nuint MappedBytesMin = 1 << 20;
    private const int ReadAndWrite = 1 | 2; // PROT_READ, PROT_WRITE
    private const int OwnZeros = 0x02 | 0x20; // MAP_PRIVATE, MAP_ANONYMOUS

    private readonly nuint _mappedBytes; // 0: it is the C allocator's

    public NativeMemoryHandle(nuint bytes)
        : base(0, ownsHandle: true)
    {
        if (!OperatingSystem.IsLinux() || bytes < MappedBytesMin)
        {
            SetHandle((nint)NativeMemory.AllocZeroed(bytes));
            return;
        }
        nint mapped = Map(0, bytes, ReadAndWrite, OwnZeros, -1, 0);
        if (mapped == -1) throw new OutOfMemoryException($"The operating system refused {bytes:N0} bytes.");
        SetHandle(mapped);
        _mappedBytes = bytes;
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        if (_mappedBytes > 0) return Unmap(handle, _mappedBytes) == 0;
        NativeMemory.Free((void*)handle);
        return true;
    }

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Unmap(nint address, nuint bytes);
}
