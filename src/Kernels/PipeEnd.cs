using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>Whether anybody can still read what is written to a pipe or socket: .NET's console takes a write to nobody for done.</summary>
public static class PipeEnd
{
    // POLLERR, POLLHUP: reported without being asked for.
    private const short Gone = 0x8 | 0x10;

    /// <summary>True if an open file is a pipe, socket or terminal whose other end is closed. False where the system can't tell.</summary>
    /// <param name="descriptor">The file's number in this process; 1: standard output.</param>
    public static bool IsGone(int descriptor)
    {
        if (!OperatingSystem.IsLinux()) return false;
        var asked = new PollDescriptor { Descriptor = descriptor };
        return Poll(ref asked, 1, 0) > 0 && (asked.Returned & Gone) != 0;
    }

    [DllImport("libc", EntryPoint = "poll")]
    private static extern int Poll(ref PollDescriptor asked, nuint count, int timeoutMs);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Requested;
        public short Returned;
    }
}
