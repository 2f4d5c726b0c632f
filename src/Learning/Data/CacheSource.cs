using Microsoft.Win32.SafeHandles;

namespace DistSgd.Learning.Data;

/// <summary>An open cache file. It is read, never mapped: touching a mapped page that somebody cut off ends the process. Any thread.</summary>
internal sealed class CacheSource : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly DateTime _modified;

    private CacheSource(string path, SafeFileHandle handle)
    {
        (Path, _handle) = (path, handle);
        Length = RandomAccess.GetLength(handle);
        _modified = File.GetLastWriteTimeUtc(handle);
    }

    public string Path { get; }

    /// <summary>Its length when it was opened, in bytes.</summary>
    public long Length { get; }

    public static CacheSource Open(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return new CacheSource(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Fills the target with the bytes from a place on.</summary>
    /// <returns>False if the file ends before.</returns>
    public bool TryRead(long offset, Span<byte> target)
    {
        while (target.Length > 0)
        {
            int read = RandomAccess.Read(_handle, target, offset);
            if (read == 0) return false;
            target = target[read..];
            offset += read;
        }
        return true;
    }

    /// <summary>The same with what was verified when the file was opened, and must not have changed since.</summary>
    /// <exception cref="DatasetException">Somebody has shortened or overwritten the file.</exception>
    public void Read(long offset, Span<byte> target)
    {
        try
        {
            if (!TryRead(offset, target)) throw Changed($"was truncated while it was read; it had {Length:N0} bytes");
            if (File.GetLastWriteTimeUtc(_handle) != _modified) throw Changed("was overwritten while it was read");
        }
        catch (IOException error)
        {
            throw new DatasetException(Path, $"the cache can't be read any more: {error.Message}", error);
        }
    }

    public void Dispose() => _handle.Dispose();

    private DatasetException Changed(string how) => new(Path, $"the cache {how}. Begin again: it will be made anew from the data.");
}
