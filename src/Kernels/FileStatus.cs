using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DistSgd.Kernels;

/// <summary>What a path names.</summary>
public enum FileKind
{
    /// <summary>A file whose bytes can be read again and at any place.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A pipe, with a name or without: to open it for reading waits for somebody who writes.</summary>
    Pipe,

    /// <summary>A device, or a socket.</summary>
    Device,
}

/// <summary>What the operating system knows of a file beyond what .NET tells, asked without opening it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="ChangedNs">When its content, name, owner or times were last changed, nanoseconds since 1970: unlike the time of its last writing, nobody can set it. 0: not known.</param>
public readonly record struct FileStatus(FileKind Kind, long ChangedNs)
{
    // statx(2): its structure is the same on every architecture and C library.
    private const int StatusBytes = 256, ModeAt = 28, ChangedSecondsAt = 96, ChangedNanosecondsAt = 104;
    private const int ThisFolder = -100; // AT_FDCWD
    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH: the descriptor itself
    private const uint BasicStatus = 0x7FF; // STATX_BASIC_STATS
    private const int KindMask = 0xF000; // S_IFMT

    /// <summary>With an article, for sentences: "a pipe".</summary>
    public string What => Kind switch
    {
        FileKind.Folder => "a folder",
        FileKind.Pipe => "a pipe",
        FileKind.Device => "a device",
        _ => "a file",
    };

    /// <summary>Of what a path names, links followed; null: nothing is there, or it can't be told.</summary>
    /// <param name="path">The path.</param>
    public static FileStatus? Of(string path) => Ask(ThisFolder, path, 0);

    /// <summary>Of an open file; null: it can't be told.</summary>
    /// <param name="file">The file.</param>
    public static FileStatus? Of(SafeFileHandle file) => Ask((int)file.DangerousGetHandle(), "", EmptyPath);

    private static FileStatus? Ask(int folder, string path, int flags)
    {
        if (!OperatingSystem.IsLinux()) return null;
        byte[] status = new byte[StatusBytes];
        if (Statx(folder, path, flags, BasicStatus, status) != 0) return null;
        FileKind kind = (BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(ModeAt)) & KindMask) switch
        {
            0x4000 => FileKind.Folder,
            0x1000 => FileKind.Pipe,
            0x2000 or 0x6000 or 0xC000 => FileKind.Device,
            _ => FileKind.File,
        };
        long seconds = BinaryPrimitives.ReadInt64LittleEndian(status.AsSpan(ChangedSecondsAt));
        return new FileStatus(kind, (seconds * 1_000_000_000) + BinaryPrimitives.ReadUInt32LittleEndian(status.AsSpan(ChangedNanosecondsAt)));
    }

    [DllImport("libc", EntryPoint = "statx")]
    private static extern int Statx(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] status);
}
