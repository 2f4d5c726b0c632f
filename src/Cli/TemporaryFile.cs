using System.Globalization;

namespace DistSgd.Cli;

/// <summary>
/// A file that other processes of this user can read as long as this one lives, and that nothing is left of however this one ends: it is unlinked as soon as it is open, and its path goes
/// through this process's table of open files.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile()
    {
        string name = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"distsgd-{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        Stream = new FileStream(name, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        File.Delete(name);
        Path = string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{Stream.SafeFileHandle.DangerousGetHandle()}");
    }

    /// <summary>Where its content is written.</summary>
    public FileStream Stream { get; }

    /// <summary>Where it can be opened.</summary>
    public string Path { get; }

    public void Dispose() => Stream.Dispose();
}
