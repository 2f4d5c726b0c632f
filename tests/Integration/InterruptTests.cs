using System.Diagnostics;
using System.IO.Compression;
using DistSgd.TestKit;

namespace DistSgd.Integration.Tests;

/// <summary>Commands that are interrupted, or can't write: one line that says in what, and no temporary file.</summary>
public sealed class InterruptTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(10);

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Generate_Interrupted_LeavesNothing(string signal)
    {
        await using ProgramRun run = ProgramRun.Start("generate", "clicks", "--rows", "1000000000", "--out", _folder["g"]);
        await UntilAsync("the output grows", () => Directory.EnumerateFiles(_folder.Place).Any(file => new FileInfo(file).Length > 1_000_000));
        run.Signal(signal);
        Assert.Equal($"Interrupted while generating; {_folder["g"]} was not written.\n", await run.EndsAsync(130));
        Assert.Empty(_folder.Names);
    }

    [Fact]
    public async Task TwoSignalsAtOnce_AreOneRequest()
    {
        await using ProgramRun run = ProgramRun.Start("generate", "clicks", "--rows", "1000000000", "--out", _folder["g"]);
        await UntilAsync("the output grows", () => Directory.EnumerateFiles(_folder.Place).Any(file => new FileInfo(file).Length > 1_000_000));
        run.Signal("TERM", "INT", "HUP");
        Assert.Equal($"Interrupted while generating; {_folder["g"]} was not written.\n", await run.EndsAsync(130));
        Assert.Empty(_folder.Names);
    }

    [Theory]
    [InlineData("train", "while the data was read; {out} was not written")]
    [InlineData("predict", "while predicting; {out} was not written")]
    [InlineData("evaluate", "while evaluating; nothing was written")]
    public async Task Reading_Interrupted_EndsAtOnce(string command, string says)
    {
        string model = await ModelAsync();
        string data = LongText();
        string[] args = command switch
        {
            "train" => ["train", "--data", data, "--out", _folder["o"]],
            "predict" => ["predict", "--model", model, "--data", data, "--out", _folder["o"]],
            _ => ["evaluate", "--model", model, "--data", data],
        };
        await using ProgramRun run = ProgramRun.Start(args);
        await UntilAsync("the data is open", () => run.HasOpen(data));
        run.Signal("INT");
        Assert.Equal($"Interrupted {says.Replace("{out}", _folder["o"], StringComparison.Ordinal)}.\n", await run.EndsAsync(130));
        Assert.Equal(["clicks.libsvm", "long.gz", "model"], _folder.Names);
    }

    [Fact]
    public async Task Whitening_Interrupted_EndsByItself()
    {
        // 1,000 directions take longer than what is under way is waited for, and the sentence would be another.
        await ProgramRun.MustAsync("generate", "dense", "--rows", "1100", "--features", "1000", "--out", _folder["wide"]);
        await using ProgramRun run = ProgramRun.Start("train", "--data", _folder["wide"], "--whiten", "1000", "--out", _folder["m"], "--json");
        await run.LineAsync("\"data\"");
        run.Signal("INT");
        Assert.Equal($"Interrupted in epoch 1; {_folder["m"]} was not written.\n", await run.EndsAsync(130));
    }

    [Fact]
    public async Task Predict_InterruptedWhereAFileWas_LeavesItAsItWas()
    {
        string model = await ModelAsync();
        string data = LongText();
        string before = _folder.Write("o", "as it was");
        await using ProgramRun run = ProgramRun.Start("predict", "--model", model, "--data", data, "--out", before);
        await UntilAsync("the data is open", () => run.HasOpen(data));
        run.Signal("TERM");
        Assert.Equal($"Interrupted while predicting; {before} is as it was before.\n", await run.EndsAsync(130));
        Assert.Equal("as it was", await File.ReadAllTextAsync(before));
    }

    [Fact]
    public async Task LocalLeaderKilled_LeavesNoGeneratedData()
    {
        using var temporary = new Folder();
        await using ProgramRun run = ProgramRun.Start([("TMPDIR", temporary.Place)], "train", "--epochs", "1000000", "--servers", "1", "--workers", "2", "--out", _folder["m"], "--json");
        await run.LineAsync("\"evaluation\"");
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(temporary.Place), entry => Path.GetFileName(entry).StartsWith("distsgd", StringComparison.Ordinal));
        run.Signal("KILL");
        await run.EndsAsync(137);
        await run.NoneLeftAsync(TimeSpan.FromSeconds(20));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(temporary.Place), entry => Path.GetFileName(entry).StartsWith("distsgd", StringComparison.Ordinal));
        Assert.Empty(_folder.Names);
    }

    [Fact]
    public async Task Generate_BeyondTheLargestFileLength_SaysSo_AndLeavesNothing()
    {
        // The runtime maps its code twice through a large file unless it is told not to.
        await using ProgramRun run = ProgramRun.StartLimited("ulimit -f 1000", [("DOTNET_EnableWriteXorExecute", "0")], "generate", "clicks", "--rows", "100000", "--out", _folder["g"]);
        await run.FailsAsync($"{_folder["g"]} was not written: it would be larger than files may be");
        Assert.Empty(_folder.Names);
    }

    [Fact]
    public async Task BenchWire_Interrupted_EndsWithItsServer()
    {
        await using ProgramRun run = ProgramRun.Start("bench", "wire");
        await run.LineAsync("loopback TCP");
        run.Signal("INT");
        Assert.Equal("Interrupted while measuring.\n", await run.EndsAsync(130));
        await run.NoneLeftAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task TemporaryFolder_ThatIsNotThere_IsNamed()
    {
        await using ProgramRun run = ProgramRun.Start([("TMPDIR", _folder["nowhere"])], "train", "--workers", "1", "--out", _folder["m"]);
        await run.FailsAsync("No temporary file can be made in the folder", "nowhere", "TMPDIR");
    }

    private static async Task UntilAsync(string what, Func<bool> holds)
    {
        long started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(ProbeInterval);
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"not within {Deadline}: {what}");
            await timer.WaitForNextTickAsync();
        }
    }

    private async Task<string> ModelAsync()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 200);
        await ProgramRun.MustAsync("train", "--data", data, "--epochs", "1", "--out", _folder["model"]);
        return _folder["model"];
    }

    // 400 members that each inflate to 64 MiB of comments: a file that takes much longer to read than any test waits to interrupt it.
    private string LongText()
    {
        const int Members = 400, MemberBytes = 64 << 20;
        using var member = new MemoryStream();
        using (var gzip = new GZipStream(member, CompressionLevel.Fastest, leaveOpen: true))
        {
            byte[] line = [.. Enumerable.Repeat((byte)'#', 1023), (byte)'\n'];
            for (int i = 0; i < MemberBytes / line.Length; i++)
                gzip.Write(line);
        }
        using FileStream file = File.Create(_folder["long.gz"]);
        for (int i = 0; i < Members; i++)
            file.Write(member.GetBuffer(), 0, (int)member.Length);
        return file.Name;
    }
}
