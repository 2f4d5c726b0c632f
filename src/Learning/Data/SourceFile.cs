using DistSgd.Kernels;
using Microsoft.Win32.SafeHandles;

namespace DistSgd.Learning.Data;

/// <summary>An open data file and what it was like when it was opened.</summary>
internal sealed class SourceFile : IDisposable
{
    private SourceFile(string path, SafeFileHandle handle)
    {
        Path = path;
        Handle = handle;
        Bytes = RandomAccess.GetLength(handle);
        ModifiedTicks = File.GetLastWriteTimeUtc(handle).Ticks;
        ChangedNs = FileStatus.Of(handle)?.ChangedNs ?? 0;
        Span<byte> magic = stackalloc byte[2];
        IsGzip = RandomAccess.Read(handle, magic, 0) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
    }

    public string Path { get; }

    public SafeFileHandle Handle { get; }

    public long Bytes { get; }

    public long ModifiedTicks { get; }

    /// <summary>When anything of it was last changed, as the operating system keeps it; 0: not known.</summary>
    public long ChangedNs { get; }

    public bool IsGzip { get; }

    /// <summary>Refuses what is no file, before anything opens it: a pipe would wait for its writer.</summary>
    /// <exception cref="DatasetException">It is a folder, a pipe or a device.</exception>
    public static void RefuseOthers(string path)
    {
        if (FileStatus.Of(path) is { Kind: not FileKind.File } other)
            throw new DatasetException(path, $"this is {other.What}; expected a file of rows{(other.Kind == FileKind.Folder ? "" : ", which can be read more than once: write the rows to one first")}.");
    }

    /// <exception cref="DatasetException">The file is missing, not readable, not a file, or empty.</exception>
    public static SourceFile Open(string path)
    {
        RefuseOthers(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var source = new SourceFile(path, handle);
            if (source.Bytes == 0) throw new DatasetException(path, "the file is empty; expected one row a line.");
            return source;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            string why = error is FileNotFoundException or DirectoryNotFoundException ? "there is no such file." : $"the file cannot be read: {error.Message}";
            throw new DatasetException(path, why, error);
        }
        catch
        {
            handle?.Dispose();
            throw;
        }
    }

    /// <exception cref="DatasetException">The file is not as it was when it was opened.</exception>
    public void CheckUnchanged()
    {
        long bytes = RandomAccess.GetLength(Handle);
        if (bytes != Bytes || File.GetLastWriteTimeUtc(Handle).Ticks != ModifiedTicks)
            throw new DatasetException(Path, $"the file changed while it was read (from {Bytes} to {bytes} bytes). Read it again when nothing writes to it.");
    }

    /// <summary>The (decompressed) text, from its beginning.</summary>
    public Stream OpenText() => IsGzip ? new WholeGzipStream(Path) : new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    public void Dispose() => Handle.Dispose();
}
