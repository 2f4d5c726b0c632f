using System.IO.MemoryMappedFiles;

namespace DistSgd.Kernels;

/// <summary>
/// A file mapped read-only into memory. Spans are valid while the object is reachable and not disposed. Any number of threads
/// may read. The file must not be truncated while it is mapped: touching a page that is gone ends the process, so files read
/// this way are replaced by renaming, never rewritten in place.
/// </summary>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private bool _disposed;

    private MappedFile(string path, FileStream stream, MemoryMappedFile file, long length)
    {
        Path = path;
        _stream = stream;
        Length = length;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start + _view.PointerOffset;
    }

    /// <summary>The path given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>Length of the file when it was opened, in bytes.</summary>
    public long Length { get; }

    /// <summary>True if somebody has shortened the file since it was opened: what was cut off must not be touched any more.</summary>
    public bool IsTruncated => RandomAccess.GetLength(_stream.SafeFileHandle) < Length;

    /// <summary>Maps a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytesMin">The length the caller relies on, in bytes, at least 1.</param>
    /// <exception cref="InvalidDataException">The file is shorter than <paramref name="bytesMin"/>.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static MappedFile Open(string path, long bytesMin = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMin, 1);
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        try
        {
            if (stream.Length < bytesMin)
            {
                throw new InvalidDataException(
                    $"{path}: the file has {stream.Length} bytes where at least {bytesMin} were expected; it is truncated or still being written.");
            }

            var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            return new MappedFile(path, stream, file, stream.Length);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary><paramref name="count"/> values of type <typeparamref name="T"/> from byte <paramref name="byteOffset"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie inside the file.</exception>
    /// <exception cref="ArgumentException">The offset is not a multiple of the size of <typeparamref name="T"/>.</exception>
    /// <exception cref="ObjectDisposedException">The mapping has been disposed.</exception>
    public ReadOnlySpan<T> Span<T>(long byteOffset, int count)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (byteOffset < 0 || count < 0 || byteOffset > Length - (long)count * sizeof(T))
        {
            throw new ArgumentOutOfRangeException(
                nameof(byteOffset), byteOffset, $"{Path}: {count} values of {sizeof(T)} bytes at byte {byteOffset} do not lie inside the {Length} bytes of the file.");
        }

        if (byteOffset % sizeof(T) != 0)
        {
            throw new ArgumentException($"{Path}: byte {byteOffset} is not a multiple of {sizeof(T)}, the size of a value.", nameof(byteOffset));
        }

        return new ReadOnlySpan<T>(_start + byteOffset, count);
    }

    /// <summary>Gives the pages back: they leave this process's memory and are read again when they are next touched. Any thread, also while others read.</summary>
    public void Forget()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        HugePages.Forget(_start, Length);
    }

    /// <summary>Unmaps the file. Spans taken before must no longer be used. Not safe while another thread reads.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
