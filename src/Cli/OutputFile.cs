using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>Refuses, before any work, an output file that could not be written after it.</summary>
internal static class OutputFile
{
    /// <summary>Tries the folder by making a file that is gone at once.</summary>
    /// <param name="path">The value of --out.</param>
    /// <exception cref="TrainingException">The message says what is wrong with the place.</exception>
    /// <param name="inputs">Files that are read; null for those that aren't given.</param>
    public static void Check(string path, params ReadOnlySpan<string?> inputs)
    {
        string full = Path.GetFullPath(path);
        foreach (string? input in inputs)
        {
            if (input is not null && Path.GetFullPath(input) == full)
                throw new TrainingException($"--out {path} is a file that is read too; name another.");
        }
        string folder = Path.GetDirectoryName(full) ?? full;
        if (Directory.Exists(full))
            throw new TrainingException($"--out {path} is a folder; expected the name of a file.");
        if (!Directory.Exists(folder))
            throw new TrainingException($"--out {path}: the folder {folder} isn't there.");
        try
        {
            string trial = Path.Combine(folder, $".{Path.GetFileName(full)}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp");
            new FileStream(trial, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException($"--out {path}: no file can be written in the folder {folder}.", refused);
        }
    }
}
