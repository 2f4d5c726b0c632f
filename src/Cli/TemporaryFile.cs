using System.Globalization;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>
/// A file that other processes of this user can read as long as this one lives, and that nothing is left of however this one ends: it is unlinked as soon as it is open, and its path goes
/// through this process's table of open files.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    /// <exception cref="TrainingException">The folder for temporary files takes none.</exception>
    public TemporaryFile()
    {
        string folder = System.IO.Path.GetTempPath(), name = System.IO.Path.Combine(folder, $"distsgd-{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        try
        {
            Stream = new FileStream(name, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            File.Delete(name);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException($"No temporary file can be made in the folder {folder}: {refused.Message} Name another folder in TMPDIR.", refused);
        }
        Path = string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{Stream.SafeFileHandle.DangerousGetHandle()}");
    }

    /// <summary>Where its content is written.</summary>
    public FileStream Stream { get; }

    /// <summary>Where it can be opened.</summary>
    public string Path { get; }

    public void Dispose() => Stream.Dispose();
}
