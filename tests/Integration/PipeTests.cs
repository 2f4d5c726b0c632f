using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Integration.Tests;

/// <summary>Pipes and folders where files are expected: read where once is enough, else refused in one sentence; nothing waits for them.</summary>
public sealed class PipeTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task CacheThatIsAPipe_IsLeftAlone_AndTheTrainingDoesWithout()
    {
        // Large enough to be worth a cache.
        string data = await Clicks.WriteAsync(_folder, rows: 60_000), cache = $"{data}.dscache";
        Assert.True(new FileInfo(data).Length > 8 << 20);
        await using (ProgramRun run = ProgramRun.StartLimited($"mkfifo {cache}", [], "train", "--data", data, "--epochs", "1", "--out", _folder["m"]))
        {
            await run.EndsAsync(0);
            Assert.Contains(run.Output, line => line.Contains($"not cached: {cache} is a pipe", StringComparison.Ordinal));
        }
        await ProgramRun.MustAsync("train", "--data", data, "--epochs", "1", "--servers", "1", "--workers", "1", "--out", _folder["m"]);
        await using (ProgramRun run = ProgramRun.Start("train", "--data", data, "--epochs", "1", "--cache", "require", "--out", _folder["m2"]))
            await run.FailsAsync($"its cache {cache} is a pipe; expected a file, or none");
        Assert.Equal(["clicks.libsvm", "clicks.libsvm.dscache", "m"], _folder.Names);
    }

    [Fact]
    public async Task DataThatIsAPipe_IsReadToItsEnd_AsTheFileIs()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500), pipe = _folder["pipe"];
        string[] command = ["train", "--epochs", "2", "--threads", "1", "--out"];
        await ProgramRun.MustAsync([.. command, _folder["m"], "--data", data]);
        await using ProgramRun run = ProgramRun.StartLimited($"mkfifo {pipe} && {{ gzip -c {data} > {pipe} & }}", [], [.. command, _folder["p"], "--data", pipe]);
        await run.EndsAsync(0);
        Assert.Contains(run.Output, line => line.Contains($"data   {pipe}", StringComparison.Ordinal));
        Assert.Equal(TrainedModel.Load(_folder["m"]).Weights.ToArray(), TrainedModel.Load(_folder["p"]).Weights.ToArray());
    }

    [Fact]
    public async Task PipeThatCanNotBeReadOnce_OrAFolder_IsRefused_WithoutWaiting()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 100), pipe = _folder["pipe"], folder = _folder.Place;
        await ProgramRun.MustAsync("train", "--data", data, "--epochs", "1", "--out", _folder["m"]);
        foreach ((int code, string says, string[] command) in ((int, string, string[])[])
            [(1, $"{pipe}: this is a pipe; expected a file of rows, which can be read more than once", ["train", "--data", data, "--test", pipe, "--out", _folder["m2"]]),
             (1, $"{pipe}: this is a pipe; expected a file of rows", ["train", "--data", data, "--weights", pipe, "--out", _folder["m2"]]),
             (1, $"{pipe}: this is a pipe; expected a model file.", ["inspect", pipe]),
             (1, $"{folder}: this is a folder; expected a model file.", ["inspect", folder]),
             (1, $"{folder}: this is a folder; expected a file of rows.", ["train", "--data", folder, "--out", _folder["m2"]]),
             (1, $"{folder}: this is a folder; expected a file of rows.", ["evaluate", "--model", _folder["m"], "--data", folder]),
             (1, $"--out {pipe} is a pipe; expected the name of a file", ["train", "--data", data, "--out", pipe]),
             (2, $"--data {pipe} is a pipe, which the workers of --connect cannot read", ["train", "--data", pipe, "--connect", "127.0.0.1:1", "--out", _folder["m2"]])])
        {
            await using ProgramRun run = ProgramRun.StartLimited($"{{ test -p {pipe} || mkfifo {pipe}; }}", [], command);
            Assert.StartsWith(says, await run.EndsAsync(code), StringComparison.Ordinal);
        }
        Assert.Equal(["clicks.libsvm", "m", "pipe"], _folder.Names);
    }
}
