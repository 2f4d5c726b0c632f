using DistSgd.Kernels;

namespace DistSgd.Learning.Formats;

/// <summary>Writes files that are either whole or not there: to a temporary file in the same folder, flushed to the disk, then renamed.</summary>
public static class AtomicFile
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Writes a file, replacing one of that name only when the new one is complete and on the disk. A process that is killed leaves at most a file named .tmp.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content; if it throws, nothing is changed.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full) ?? "/";
        string temporary = Path.Combine(folder, $".{Path.GetFileName(full)}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            // The temporary file's name is nobody's business.
            string why = refused.Message.Replace(temporary, full, StringComparison.Ordinal);
            string sentence = why.Contains(full, StringComparison.Ordinal) ? why : $"{why.TrimEnd('.')}: '{full}'";
            throw refused is IOException ? new IOException($"{path} was not written: {sentence}", refused) : new UnauthorizedAccessException($"{path} was not written: {sentence}", refused);
        }
        catch (ArgumentOutOfRangeException beyond) when (beyond.StackTrace?.Contains(nameof(RandomAccess), StringComparison.Ordinal) == true)
        {
            // So .NET reports a write beyond the largest length that the user's limit or the file system allows.
            File.Delete(temporary);
            throw new IOException($"{path} was not written: it would be larger than files may be (ulimit -f, or the file system).", beyond);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        DirectorySync.Flush(folder);
    }
}
