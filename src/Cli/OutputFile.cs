using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>Files that commands write: refused before any work if they could not be written after it, and whole or not there.</summary>
internal static class OutputFile
{
    /// <summary>Sees that the file is none that is read, and tries its folder by making a file that is gone at once.</summary>
    /// <param name="option">What names it.</param>
    /// <param name="path">Its value.</param>
    /// <param name="inputs">Files that are read; null for those that aren't given.</param>
    /// <exception cref="UsageException">It is a file that is read, or that belongs to one.</exception>
    /// <exception cref="TrainingException">The message says what is wrong with the place.</exception>
    public static void Check(ValueOption option, string path, params ReadOnlySpan<string?> inputs)
    {
        string full = Real(path);
        foreach (string? input in inputs)
        {
            if (input is not null && Real(input) == full)
                throw new UsageException($"{option.Name} {path} is a file that is read too; name another.");
            if (input is not null && Real(Dataset.CachePath(input)) == full)
                throw new UsageException($"{option.Name} {path} is the name of the cache of {input}; name another.");
        }
        string folder = Path.GetDirectoryName(full) ?? full;
        if (FileStatus.Of(full) is { Kind: not FileKind.File } other)
            throw new TrainingException($"{option.Name} {path} is {other.What}; expected the name of a file, which is written whole or not at all.");
        if (!Directory.Exists(folder))
            throw new TrainingException($"{option.Name} {path}: the folder {folder} isn't there.");
        if (full.StartsWith("/dev/", StringComparison.Ordinal))
            throw new TrainingException($"{option.Name} {path} is a device; expected the name of a file, which is written whole or not at all.");
        try
        {
            string trial = Path.Combine(folder, $".{Path.GetFileName(full)}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp");
            new FileStream(trial, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException($"{option.Name} {path}: no file can be written in the folder {folder}.", refused);
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="InterruptedException">The writing gave up.</exception>
    public static void Write(string path, string doing, Action<Stream> write)
    {
        try
        {
            AtomicFile.Write(path, write);
        }
        catch (OperationCanceledException)
        {
            throw new InterruptedException($"Interrupted while {doing}; {Untouched(path)}.");
        }
    }

    /// <summary>What is to be said of a file that was not written.</summary>
    public static string Untouched(string path) => File.Exists(path) ? $"{path} is as it was before" : $"{path} was not written";

    // Links of folders are followed; a link in the last place is replaced by the file, not followed.
    private static string Real(string path)
    {
        string full = Path.GetFullPath(path);
        string real = "/";
        foreach (string part in (Path.GetDirectoryName(full) ?? "/").Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Combine(real, part);
            if (Directory.Exists(real) && Directory.ResolveLinkTarget(real, returnFinalTarget: true) is { } target)
                real = target.FullName;
        }
        return Path.Combine(real, Path.GetFileName(full));
    }
}
