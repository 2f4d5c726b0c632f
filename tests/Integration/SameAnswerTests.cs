using DistSgd.Cli;
using DistSgd.TestKit;

namespace DistSgd.Integration.Tests;

/// <summary>The program, however it was compiled, against its commands run inside the test: the same bytes.</summary>
public sealed class SameAnswerTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--model", "logistic", "--optimizer", "adagrad")]
    [InlineData("--model", "svm", "--optimizer", "sgd", "--l1", "1e-5")]
    [InlineData("--model", "linear", "--optimizer", "adamw", "--batch", "16")]
    [InlineData("--model", "mlp", "--hidden", "8,4", "--activation", "tanh", "--batch-norm")]
    public async Task Training_WritesTheSameModel(params string[] how)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        string[] train = ["train", "--data", data, "--epochs", "2", "--threads", "1", "--cache", "off", .. how, "--out"];
        await HereAsync([.. train, _folder["here"]]);
        await ProgramRun.MustAsync([.. train, _folder["there"]]);
        Assert.Equal(await File.ReadAllBytesAsync(_folder["here"]), await File.ReadAllBytesAsync(_folder["there"]));
    }

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "DOTNET_EnableAVX512F")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public async Task Training_WithoutSomeOfTheProcessorsInstructions_WritesTheSameModel(params string[] without)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        foreach (string how in (string[])["--model logistic --optimizer adagrad --l1 1e-5", "--model svm --optimizer sgd --batch 7", "--model linear --optimizer adam --batch 16", "--model mlp --hidden 20,9 --activation elu"])
        {
            string[] train = ["train", "--data", data, "--epochs", "2", "--threads", "1", "--prefetch", "0", "--cache", "off", .. how.Split(' '), "--out"];
            await HereAsync([.. train, _folder["all"]]);
            await ProgramRun.MustAsync([.. without.Select(name => (name, "0"))], [.. train, _folder["less"]]);
            Assert.Equal(await File.ReadAllBytesAsync(_folder["all"]), await File.ReadAllBytesAsync(_folder["less"]));
        }
    }

    [Fact]
    public async Task OtherCommands_WriteTheSame()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        await HereAsync(["train", "--data", data, "--epochs", "2", "--threads", "1", "--cache", "off", "--out", _folder["m"]]);
        foreach (string[] command in (string[][])
        [
            ["--help"],
            ["train", "--help"],
            ["evaluate", "--model", _folder["m"], "--data", data, "--json"],
            ["evaluate", "--model", _folder["m"], "--data", data, "--condition"],
            ["inspect", _folder["m"]],
            ["gradcheck", "--json"],
            ["train", "--data", data, "--folds", "3", "--epochs", "1", "--threads", "1", "--cache", "off", "--json"],
        ])
            Assert.Equal(await HereAsync(command), string.Join('\n', await ProgramRun.MustAsync(command)));
        foreach ((string option, string[] command) in ((string, string[])[])[("--out", ["predict", "--model", _folder["m"], "--data", data]), ("--out", ["plot", "optimizers"])])
        {
            await HereAsync([.. command, option, _folder["here.svg"]]);
            await ProgramRun.MustAsync([.. command, option, _folder["there.svg"]]);
            Assert.Equal(await File.ReadAllTextAsync(_folder["here.svg"]), await File.ReadAllTextAsync(_folder["there.svg"]));
        }
    }

    [Fact]
    public async Task Refusals_AreTheSame()
    {
        foreach (string[] command in (string[][])[["train", "--epochs", "none"], ["trian"], ["predict", "--model", _folder["none"], "--data", _folder["none"], "--out", _folder["p"]]])
        {
            await using var output = new StringWriter();
            await using var error = new StringWriter();
            int code = await CommandTree.RunAsync(command, output, error);
            Assert.NotEqual(0, code);
            await using ProgramRun run = ProgramRun.Start(command);
            Assert.Equal(error.ToString(), await run.EndsAsync(code));
        }
    }

    private static async Task<string> HereAsync(string[] command)
    {
        await using var output = new StringWriter();
        Assert.Equal(0, await CommandTree.RunAsync(command, output, TextWriter.Null));
        // The help names the process.
        return output.ToString().TrimEnd('\n').Replace(" testhost ", " distsgd ", StringComparison.Ordinal);
    }
}
