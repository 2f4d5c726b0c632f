using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Integration.Tests;

/// <summary>Standard output that can't be written: a full disk, a closed descriptor, a reader that has gone.</summary>
public sealed class OutputTests : IDisposable
{
    // What a shell does before it becomes the program.
    private const string Full = "exec > /dev/full", Closed = "exec >&-";

    // In place of the program runs a shell, which shows one line of what it prints, and its exit code.
    private const string OneLine = "set -- sh -c '{ \"$@\"; echo \"code $?\" >&2; } | head -1' sh \"$@\"";

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Full, "No space left on device")]
    [InlineData(Closed, "it is closed")]
    public async Task CommandThatWritesAFile_WritesItWhole_AndSaysThatTheRestIsLost(string output, string why)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 200);
        await ProgramRun.MustAsync("train", "--data", data, "--epochs", "1", "--out", _folder["model"]);
        foreach ((string holds, string[] command) in ((string, string[])[])
            [("model", ["train", "--data", data, "--epochs", "2"]), ("model", ["train", "--data", data, "--epochs", "2", "--json", "--servers", "1", "--workers", "1"]),
             ("predictions", ["predict", "--model", _folder["model"], "--data", data]), ("rows", ["generate", "clicks", "--rows", "10"])])
        {
            await using ProgramRun run = ProgramRun.StartLimited(output, [], [.. command, "--out", _folder["o"]]);
            Assert.Equal($"Standard output can't be written ({why}); {_folder["o"]} holds the {holds}.\n", await run.EndsAsync(1));
            Assert.True(new FileInfo(_folder["o"]).Length > 0);
            if (holds == "model")
                Assert.Equal(300, TrainedModel.Load(_folder["o"]).Weights.Length);
            File.Delete(_folder["o"]);
        }
    }

    [Theory]
    [InlineData(Full, "No space left on device")]
    [InlineData(Closed, "it is closed")]
    public async Task CommandThatOnlyPrints_EndsAtOnceWithOneSentence(string output, string why)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 200);
        await ProgramRun.MustAsync("train", "--data", data, "--epochs", "1", "--out", _folder["model"]);
        foreach (string[] command in (string[][])[["evaluate", "--model", _folder["model"], "--data", data], ["inspect", _folder["model"]], ["bench", "kernels"], ["train", "--help"], ["train", "--data", data, "--folds", "2"]])
        {
            await using ProgramRun run = ProgramRun.StartLimited(output, [], command);
            Assert.Equal($"Standard output can't be written ({why}).\n", await run.EndsAsync(1));
        }
    }

    [Fact]
    public async Task ReaderThatHasGone_EndsWhatOnlyPrints_WithoutAWord()
    {
        await using ProgramRun run = ProgramRun.StartLimited(OneLine, [], "bench", "kernels");
        Assert.Equal("code 141\n", await run.EndsAsync(0));
    }

    [Fact]
    public async Task ReaderThatHasGone_LosesNoModel()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 200);
        await using ProgramRun run = ProgramRun.StartLimited(OneLine, [], "train", "--data", data, "--epochs", "2000", "--threads", "1", "--out", _folder["m"]);
        Assert.Equal("code 0\n", await run.EndsAsync(0));
        Assert.Equal("2000", TrainedModel.Load(_folder["m"]).Summary.First(line => line.Key == "epochs").Value);
    }

    [Fact]
    public async Task ErrorsThatCanNotBeWritten_LeaveTheExitCode()
    {
        foreach (string error in (string[])["exec 2> /dev/full", "exec 2>&-"])
        {
            await using ProgramRun run = ProgramRun.StartLimited(error, [], "train", "--data", _folder["nowhere"]);
            await run.EndsAsync(1);
        }
    }
}
