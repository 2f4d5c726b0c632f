using System.IO.Compression;
using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Cli.Tests;

/// <summary>Bad input: one clear sentence, the right exit code, nothing half-written.</summary>
public sealed class FaultTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("1 1:1\n-1 2:x\n", "d:2:6:")]
    [InlineData("1 1:1\nfoo 2:1\n", "d:2:1:")]
    [InlineData("1 1:1\n-1 2\n", "d:2:")]
    [InlineData("1 1:nan\n-1 2:1\n", "d:1:5:")]
    [InlineData("1 1:1\n-1 2:inf\n", "d:2:6:")]
    [InlineData("nan 2:1\n1 1:1\n", "d:1:1:")]
    [InlineData("", "empty")]
    [InlineData("1 1:1\n1 2:1\n", "every row has the label 1")]
    public Task Train_OnBadData_SaysWhereAndWhat(string text, string says) =>
        RefusedAsync(1, says, "train", "--data", _folder.Write("d", text), "--epochs", "1", "--out", _folder["m"]);

    [Fact]
    public async Task Train_OnAFileThatIsNotThere_OrAFolder_OrATruncatedGzip_SaysSo()
    {
        await RefusedAsync(1, "no such file", "train", "--data", _folder["nothing"], "--out", _folder["m"]);
        await RefusedAsync(1, "directory", "train", "--data", _folder.Place, "--out", _folder["m"]);
        await RefusedAsync(1, "no such file", "train", "--data", _folder.Write("d", "1 1:1\n-1 2:1\n"), "--test", _folder["nothing"], "--out", _folder["m"]);
        using var whole = new MemoryStream();
        await using (var gzip = new GZipStream(whole, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int i = 0; i < 5000; i++)
                await gzip.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"{i % 2} {1 + (i * 7919 % 500)}:{i}\n"));
        }
        await File.WriteAllBytesAsync(_folder["t.gz"], whole.ToArray()[..(int)(whole.Length / 2)]);
        await RefusedAsync(1, "truncated", "train", "--data", _folder["t.gz"], "--out", _folder["m"]);
    }

    [Theory]
    [InlineData(2, "'bogus'", "bogus")]
    [InlineData(2, "'--bogus'", "train", "--bogus")]
    [InlineData(2, "--epochs is 'x'", "train", "--epochs", "x", "--data", "D", "--out", "M")]
    [InlineData(2, "--model is 'forest'", "train", "--model", "forest", "--data", "D", "--out", "M")]
    [InlineData(2, "--learning-rate is 'fast'", "train", "--learning-rate", "fast", "--data", "D", "--out", "M")]
    [InlineData(2, "--seed", "train", "--seed", "9999999999999999999999", "--data", "D", "--out", "M")]
    [InlineData(2, "--data", "predict", "--model", "M", "--out", "P")]
    [InlineData(2, "host:port", "train", "--connect", "junk", "--data", "D", "--out", "M")]
    [InlineData(2, "at least 64", "generate", "clicks", "--features", "3", "--out", "P")]
    [InlineData(2, "--rows", "generate", "dense", "--rows", "0", "--out", "P")]
    [InlineData(-1, "--epochs is 0", "train", "--epochs", "0", "--data", "D", "--out", "M")]
    [InlineData(-1, "--batch is -1", "train", "--batch", "-1", "--data", "D", "--out", "M")]
    [InlineData(-1, "--learning-rate is NaN", "train", "--learning-rate", "NaN", "--data", "D", "--out", "M")]
    [InlineData(-1, "--l2 is -1", "train", "--l2", "-1", "--data", "D", "--out", "M")]
    [InlineData(-1, "--prefetch is 2", "train", "--prefetch", "2", "--data", "D", "--out", "M")]
    [InlineData(-1, "--save-every is -1", "train", "--save-every", "-1", "--data", "D", "--out", "M")]
    [InlineData(-1, "--workers is 0", "train", "--workers", "0", "--data", "D", "--out", "M")]
    [InlineData(-1, "--threads 2 is for embedded", "train", "--threads", "2", "--workers", "2", "--data", "D", "--out", "M")]
    [InlineData(-1, "give one of them", "train", "--servers", "2", "--connect", "127.0.0.1:7070", "--data", "D", "--out", "M")]
    [InlineData(-1, "--consistency is 'bsp'", "train", "--consistency", "bsp", "--data", "D", "--out", "M")]
    [InlineData(-1, "isn't there", "train", "--data", "D", "--out", "M/in/no/folder")]
    [InlineData(-1, "is a folder", "train", "--data", "D", "--out", "/tmp")]
    [InlineData(-1, "no file can be written", "train", "--data", "D", "--out", "/proc/m")]
    [InlineData(-1, "no such file", "evaluate", "--model", "M", "--data", "D")]
    [InlineData(-1, "not a safetensors file", "evaluate", "--model", "D", "--data", "D")]
    public Task Options_ThatMakeNoSense_AreNamed(int code, string says, params string[] args)
    {
        _folder.Write("D", string.Concat(Enumerable.Repeat("1 1:1\n-1 2:1\n", 50)));
        return RefusedAsync(code, says, [.. args.Select(arg => arg is ['D' or 'M' or 'P', ..] && (arg.Length == 1 || arg[1] == '/') ? _folder[arg] : arg)]);
    }

    [Fact]
    public async Task Divergence_NamesTheLearningRate_AndLeavesNoModel()
    {
        (string train, _) = await CommandLine.ClicksAsync(_folder, 300, 10);
        foreach (string optimizer in (string[])["sgd", "adagrad"])
            await RefusedAsync(1, "--learning-rate", "train", "--data", train, "--optimizer", optimizer, "--learning-rate", "1e30", "--out", _folder["m"]);
    }

    [Fact]
    public async Task Model_DamagedAnywhere_IsRefused()
    {
        (string train, string test) = await CommandLine.ClicksAsync(_folder, 300, 50);
        await CommandLine.MustAsync("train", "--data", train, "--epochs", "1", "--out", _folder["good"]);
        byte[] good = await File.ReadAllBytesAsync(_folder["good"]);
        foreach (int length in (int[])[0, 7, 100, good.Length / 2, good.Length - 1])
        {
            await File.WriteAllBytesAsync(_folder["bad"], good[..length]);
            await RefusedAsync(1, "bad:", "predict", "--model", _folder["bad"], "--data", test, "--out", _folder["p"]);
        }
    }

    [Fact]
    public async Task Evaluate_LabelThatTheModelDoesNotKnow_IsNamed()
    {
        (string train, _) = await CommandLine.ClicksAsync(_folder, 300, 10);
        await CommandLine.MustAsync("train", "--data", train, "--epochs", "1", "--out", _folder["m"]);
        await RefusedAsync(1, "label 5", "evaluate", "--model", _folder["m"], "--data", _folder.Write("d", "0 1:1\n5 1:1\n"));
    }

    [Fact]
    public async Task Cache_DamagedOrStale_IsMadeAnew_AndTheTrainingGoesOn()
    {
        (string train, _) = await CommandLine.ClicksAsync(_folder, 400, 10);
        string[] args = ["train", "--data", train, "--epochs", "1", "--threads", "1", "--cache", "require", "--out", _folder["m"]];
        await CommandLine.MustAsync(args);
        float[] first = TrainedModel.Load(_folder["m"]).Weights.ToArray();
        string cache = _folder[Assert.Single(_folder.Names, name => name.EndsWith(".dscache", StringComparison.Ordinal))];
        Assert.Contains("read from the cache", (await CommandLine.MustAsync(args)).Output, StringComparison.Ordinal);

        byte[] bytes = await File.ReadAllBytesAsync(cache);
        bytes[bytes.Length / 2] ^= 0x55;
        await File.WriteAllBytesAsync(cache, bytes);
        Assert.Contains("was not used", (await CommandLine.MustAsync(args)).Output, StringComparison.Ordinal);
        Assert.Equal(first, TrainedModel.Load(_folder["m"]).Weights.ToArray());

        await File.AppendAllTextAsync(train, "1 3:1 5:1\n");
        Assert.Contains("was not used", (await CommandLine.MustAsync(args)).Output, StringComparison.Ordinal);
        Assert.Contains("401 rows", (await CommandLine.MustAsync(args)).Output, StringComparison.Ordinal);
    }

    // code −1: either 1 or 2 will do.
    private async Task RefusedAsync(int code, string says, params string[] args)
    {
        string[] before = _folder.Names;
        Outcome outcome = await CommandLine.RunAsync(args);
        string all = $"distsgd {string.Join(' ', args)} → {outcome.Code}: {outcome.Error}";
        Assert.True(code < 0 ? outcome.Code is 1 or 2 : outcome.Code == code, all);
        Assert.True(outcome.Error.Contains(says, StringComparison.Ordinal), $"expected \"{says}\": {all}");
        // One sentence, and for misused options where the help is.
        string[] lines = outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == 1 || (lines.Length == 2 && lines[1].StartsWith("See: distsgd", StringComparison.Ordinal)), all);
        Assert.Equal(before, _folder.Names);
    }
}
