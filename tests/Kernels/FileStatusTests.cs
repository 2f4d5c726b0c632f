using System.Diagnostics;
using System.IO.Pipes;

namespace DistSgd.Kernels.Tests;

public sealed class FileStatusTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("distsgd-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Of_NamesWhatIsThere()
    {
        string file = WriteFile();
        Assert.Equal(FileKind.File, FileStatus.Of(file)!.Value.Kind);
        Assert.Equal(FileKind.Folder, FileStatus.Of(_folder)!.Value.Kind);
        Assert.Equal("a device", FileStatus.Of("/dev/null")!.Value.What);
        Assert.Null(FileStatus.Of(Path.Combine(_folder, "nothing")));
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        Assert.Equal(FileKind.Pipe, FileStatus.Of($"/proc/self/fd/{pipe.SafePipeHandle.DangerousGetHandle()}")!.Value.Kind);
    }

    [Fact]
    public void Changed_ByWhatKeepsLengthAndTime_IsLater_AndTheSameOfTheOpenFile()
    {
        string file = WriteFile();
        DateTime written = File.GetLastWriteTimeUtc(file);
        long before = FileStatus.Of(file)!.Value.ChangedNs;
        Assert.InRange(before, 1, long.MaxValue);
        // The clock of a file system may tick once in some milliseconds.
        long after, started = Stopwatch.GetTimestamp();
        do
        {
            File.WriteAllText(file, "y");
            File.SetLastWriteTimeUtc(file, written);
            after = FileStatus.Of(file)!.Value.ChangedNs;
            Assert.True(after >= before);
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"the file's time of change stays {before}");
        }
        while (after == before);
        Assert.Equal(written, File.GetLastWriteTimeUtc(file));
        using var open = File.OpenHandle(file);
        Assert.Equal(FileStatus.Of(file), FileStatus.Of(open));
    }

    [Fact]
    public void PipeEnd_IsGone_OnceTheReaderHasClosed()
    {
        var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var reader = new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle);
        int descriptor = (int)pipe.SafePipeHandle.DangerousGetHandle();
        Assert.False(PipeEnd.IsGone(descriptor));
        reader.Dispose();
        Assert.True(PipeEnd.IsGone(descriptor));
        pipe.Dispose();
    }

    private string WriteFile()
    {
        string file = Path.Combine(_folder, "f");
        File.WriteAllText(file, "x");
        return file;
    }
}
