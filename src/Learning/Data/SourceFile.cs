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
        Span<byte> magic = stackalloc byte[2];
        IsGzip = RandomAccess.Read(handle, magic, 0) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
    }

    public string Path { get; }

    public SafeFileHandle Handle { get; }

    public long Bytes { get; }

    public long ModifiedTicks { get; }

    public bool IsGzip { get; }

    /// <exception cref="DatasetException">The file is missing, not readable, not a file, or empty.</exception>
    public static SourceFile Open(string path)
    {
        if (Directory.Exists(path)) throw new DatasetException(path, "this is a directory; expected a file of rows.");
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var source = new SourceFile(path, handle);
            if (source.Bytes == 0) throw new DatasetException(path, "the file is empty (or a pipe); expected a regular file of rows, or - for standard input.");
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
