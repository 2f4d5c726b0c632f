using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>Asks the operating system to back a buffer with huge pages: filling fresh memory then costs one page fault per 2 MiB instead of one per 4 KiB.</summary>
public static class HugePages
{
    /// <summary>Buffers smaller than this are left alone: rounding up to whole huge pages would cost them more than it saves.</summary>
    public const long BytesMin = 4L << 20;

    private const int AdviseHugePages = 14; // MADV_HUGEPAGE
    internal const nuint PageBytes = 2 << 20;

    /// <summary>Gives the advice for the whole huge pages inside the buffer. It is advice: where it is not possible (another system, huge pages turned off), nothing happens.</summary>
    /// <param name="buffer">A buffer that has not been written to.</param>
    public static unsafe void Advise<T>(NativeBuffer<T> buffer)
        where T : unmanaged
    {
        if (!OperatingSystem.IsLinux() || buffer.Length * sizeof(T) < BytesMin) return;
        nuint start = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(buffer.AsSpan(0, 1)));
        nuint end = (start + (nuint)(buffer.Length * sizeof(T))) & ~(PageBytes - 1);
        start = (start + PageBytes - 1) & ~(PageBytes - 1);
        if (start < end) _ = Madvise(start, end - start, AdviseHugePages);
    }

    [DllImport("libc", EntryPoint = "madvise")]
    private static extern int Madvise(nuint address, nuint bytes, int advice);
}
