using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>Makes renames in a directory durable; .NET has no call for it.</summary>
public static class DirectorySync
{
    private const int ReadOnlyDirectory = 0; // O_RDONLY

    /// <summary>Asks the operating system to write a directory's entries to the disk. Does nothing where that is not possible (Windows; file systems that refuse).</summary>
    /// <param name="path">The directory.</param>
    public static void Flush(string path)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()) return;
        int descriptor = Open(path, ReadOnlyDirectory);
        if (descriptor < 0) return;
        _ = Fsync(descriptor);
        _ = Close(descriptor);
    }

    [DllImport("libc", EntryPoint = "open")]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    private static extern int Fsync(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);
}
