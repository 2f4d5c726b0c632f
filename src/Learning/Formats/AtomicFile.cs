using DistSgd.Kernels;

namespace DistSgd.Learning.Formats;

/// <summary>Writes files that are either whole or not there: to a temporary file in the same folder, flushed to the disk, then renamed.</summary>
public static class AtomicFile
{
    private const string Extension = ".tmp";
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromMinutes(1);

    private const int BufferBytes = 1 << 16;

    /// <summary>
    /// Writes a file, replacing one of that name only when the new one is complete and on the disk. A process that is killed leaves at most a file named .tmp, which a later writing of the same file removes:
    /// one that nobody holds open and that was last written more than a minute ago.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content; if it throws, nothing is changed.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full) ?? "/";
        string temporary = Path.Combine(folder, $".{Path.GetFileName(full)}.{Environment.ProcessId}.{Guid.NewGuid():N}{Extension}");
        RemoveAbandoned(folder, $".{Path.GetFileName(full)}.");
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

    // Whoever writes one holds its lock, on whatever machine; the age is for those who have just created theirs, and for file systems without locks.
    private static void RemoveAbandoned(string folder, string prefix)
    {
        if (!Directory.Exists(folder)) return;
        foreach (string path in Directory.EnumerateFiles(folder, "*" + Extension, new EnumerationOptions { AttributesToSkip = 0 }))
        {
            if (!IsTemporary(Path.GetFileName(path), prefix) || DateTime.UtcNow - File.GetLastWriteTimeUtc(path) < AbandonedAfter) continue;
            try
            {
                using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None)) File.Delete(path);
            }
            catch (Exception held) when (held is IOException or UnauthorizedAccessException)
            {
                // Somebody writes it, or it isn't ours to remove.
            }
        }
    }

    private static bool IsTemporary(string name, string prefix)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.Length < prefix.Length + Extension.Length) return false;
        string[] parts = name[prefix.Length..^Extension.Length].Split('.');
        return parts.Length == 2 && int.TryParse(parts[0], out _) && Guid.TryParseExact(parts[1], "N", out _);
    }
}
