using System.CommandLine;
using System.Globalization;
using System.IO.Compression;
using DistSgd.Shared.CommandLine;
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
        await RefusedAsync(1, "this is a folder", "train", "--data", _folder.Place, "--out", _folder["m"]);
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
    [InlineData(2, "--learning-rate is '1e300'; expected a number above 0, in float32", "train", "--learning-rate", "1e300", "--data", "D", "--out", "M")]
    [InlineData(2, "--learning-rate is '1e-300'", "train", "--learning-rate", "1e-300", "--data", "D", "--out", "M")]
    [InlineData(2, "--momentum is '0.9999999999'", "train", "--momentum", "0.9999999999", "--optimizer", "momentum", "--data", "D", "--out", "M")]
    [InlineData(2, "--l1 is '1e39'", "train", "--l1", "1e39", "--data", "D", "--out", "M")]
    [InlineData(1, "--learning-rate 3E+38 is beyond float32", "train", "--learning-rate", "3e38", "--data", "D", "--out", "M")]
    [InlineData(2, "--seed", "train", "--seed", "9999999999999999999999", "--data", "D", "--out", "M")]
    [InlineData(2, "--data", "predict", "--model", "M", "--out", "P")]
    [InlineData(2, "host:port", "train", "--connect", "junk", "--data", "D", "--out", "M")]
    [InlineData(2, "64 to 1,000,000,000", "generate", "clicks", "--features", "3", "--out", "P")]
    [InlineData(2, "--rows", "generate", "dense", "--rows", "0", "--out", "P")]
    [InlineData(2, "--batch is '1e3'", "train", "--batch", "1e3", "--data", "D", "--out", "M")]
    [InlineData(2, "--threads 2 is for embedded", "train", "--threads", "2", "--workers", "2", "--data", "D", "--out", "M")]
    [InlineData(2, "give one of them", "train", "--servers", "2", "--connect", "127.0.0.1:7070", "--data", "D", "--out", "M")]
    [InlineData(2, "--connect is given without --data", "train", "--connect", "127.0.0.1:7070", "--out", "M")]
    [InlineData(2, "none twice", "train", "--connect", "a:1,a:1", "--data", "D", "--out", "M")]
    [InlineData(2, "--consistency is 'bsp'; expected async", "train", "--consistency", "bsp", "--data", "D", "--out", "M")]
    [InlineData(2, "--decay 1 has no effect on --schedule linear", "train", "--decay", "1", "--data", "D", "--out", "M")]
    [InlineData(2, "--margin 2 has no effect on --loss hinge", "train", "--margin", "2", "--loss", "hinge", "--data", "D", "--out", "M")]
    [InlineData(2, "--huber-delta 2 is given without --loss huber", "train", "--huber-delta", "2", "--data", "D", "--out", "M")]
    [InlineData(2, "--loss hinge doesn't go with --model linear", "train", "--model", "linear", "--loss", "hinge", "--data", "D", "--out", "M")]
    [InlineData(2, "--shards 1 is less than one a server", "train", "--shards", "1", "--servers", "2", "--data", "D", "--out", "M")]
    [InlineData(2, "--batch 65536 times --local-steps 65536", "train", "--batch", "65536", "--local-steps", "65536", "--data", "D", "--out", "M")]
    [InlineData(2, "--retry-deadline 5 is for training over gRPC", "train", "--retry-deadline", "5", "--data", "D", "--out", "M")]
    [InlineData(2, "is given without --data", "train", "--test", "D", "--out", "M")]
    [InlineData(2, "is given without --data", "train", "--cache", "require", "--out", "M")]
    [InlineData(2, "--whiten 2 is for dense features, --hash-bits 3", "train", "--whiten", "2", "--hash-bits", "3", "--data", "D", "--out", "M")]
    [InlineData(2, "--steps-max 3 is less than one a thread of --threads 4", "train", "--steps-max", "3", "--threads", "4", "--data", "D", "--out", "M")]
    [InlineData(2, "--steps-max 3 is less than one a worker of --workers 4", "train", "--steps-max", "3", "--workers", "4", "--data", "D", "--out", "M")]
    [InlineData(2, "--weights W and --weight-column w", "train", "--weights", "W", "--weight-column", "w", "--data", "D", "--out", "M")]
    [InlineData(2, "--weights W doesn't go with --model svm-rank", "train", "--weights", "W", "--model", "svm-rank", "--data", "D", "--out", "M")]
    [InlineData(2, "--class-weight balanced is for rows that belong to one class each, and those of --model linear", "train", "--class-weight", "balanced", "--model", "linear", "--data", "D", "--out", "M")]
    [InlineData(2, "--loss hinge is given without --model", "train", "--loss", "hinge", "--data", "D", "--out", "M")]
    [InlineData(2, "did you mean --epochs?", "train", "--epoch", "3")]
    [InlineData(2, "did you mean evaluate?", "evalute", "--model", "M")]
    [InlineData(2, "did you mean --json?", "bench", "kernels", "--jsn")]
    [InlineData(1, "isn't there", "train", "--data", "D", "--out", "M/in/no/folder")]
    [InlineData(1, "is a folder", "train", "--data", "D", "--out", "/tmp")]
    [InlineData(1, "is a device", "train", "--data", "D", "--out", "/dev/null")]
    [InlineData(1, "no file can be written", "train", "--data", "D", "--out", "/proc/m")]
    [InlineData(1, "there is no such file", "train", "--data", "@D", "--out", "M")]
    [InlineData(1, "101 threads for 100 rows", "train", "--threads", "101", "--data", "D", "--out", "M")]
    [InlineData(1, "no such file", "evaluate", "--model", "M", "--data", "D")]
    [InlineData(1, "not a safetensors file", "evaluate", "--model", "D", "--data", "D")]
    public Task Options_ThatMakeNoSense_AreNamed(int code, string says, params string[] args)
    {
        _folder.Write("D", string.Concat(Enumerable.Repeat("1 1:1\n-1 2:1\n", 50)));
        return RefusedAsync(code, says, [.. args.Select(arg => arg is ['D' or 'M' or 'P', ..] && (arg.Length == 1 || arg[1] == '/') ? _folder[arg] : arg)]);
    }

    [Fact]
    public async Task OptionsThatAModelBegunFromKeeps_AreRefusedBeforeAnyDataIsRead()
    {
        string text = _folder.Write("d", string.Concat(Enumerable.Repeat("1 1:1\n-1 2:1\n", 50))), table = _folder.Write("d.csv", "a,y\n" + string.Concat(Enumerable.Repeat("1,0\n2,1\n", 50)));
        foreach ((string data, string model) in ((string, string)[])[(text, "plain"), (table, "columns")])
            await CommandLine.MustAsync("train", "--data", data, "--epochs", "1", "--out", _folder[model]);
        (string Model, string[] Options, string Says)[] ways =
        [
            ("plain", ["--normalize-rows"], "--normalize-rows can't be given with --init"),
            ("plain", ["--whiten", "2"], "--whiten 2 can't be given with --init"),
            ("plain", ["--hash-bits", "3"], "--hash-bits 3 can't be given with --init"),
            ("plain", ["--index-base", "zero"], "--index-base zero doesn't go with --init"),
            ("plain", ["--format", "csv"], "--format csv doesn't go with --init"),
            ("columns", ["--hash-bits", "3"], "--hash-bits 3 has no effect with --init"),
            ("columns", ["--categorical", "a"], "--categorical a has no effect with --init"),
            ("columns", ["--label-column", "a"], "--label-column a has no effect with --init"),
            ("columns", ["--format", "libsvm"], "--format libsvm doesn't go with --init"),
        ];
        foreach ((string model, string[] options, string says) in ways)
            await RefusedAsync(2, says, ["train", "--data", model == "plain" ? text : table, "--init", _folder[model], .. options, "--out", _folder["m"]]);
        await RefusedAsync(2, "--index-base one is for LIBSVM text", "train", "--data", table, "--index-base", "one", "--out", _folder["m"]);
        await RefusedAsync(2, "--hash-bits 3 is for categories, and no column", "train", "--data", table, "--hash-bits", "3", "--out", _folder["m"]);
    }

    [Fact]
    public async Task Divergence_NamesTheLearningRate_AndLeavesNoModel()
    {
        (string train, _) = await CommandLine.ClicksAsync(_folder, 300, 10);
        foreach (string optimizer in (string[])["sgd", "adagrad"])
            await RefusedAsync(1, "--learning-rate", "train", "--data", train, "--optimizer", optimizer, "--learning-rate", "1e30", "--out", _folder["m"]);
    }

    // One wrong digit in an index would be a model beyond any array.
    [Theory]
    [InlineData("2147483647")]
    [InlineData("4294967290")]
    public Task Index_BeyondWhatAModelCanHold_IsRefusedBeforeTraining(string index)
    {
        string data = _folder.Write("d", $"1 1:1\n-1 2:1\n1 {index}:1\n");
        return RefusedAsync(1, $"{data}: {long.Parse(index, CultureInfo.InvariantCulture):N0} features make a model of", "train", "--data", data, "--out", _folder["m"]);
    }

    [Fact]
    public async Task Index_ThatMakesAModelOfNothingButZeros_IsRefusedBeforeTraining_AndTrainsFolded()
    {
        string data = _folder.Write("d", $"1 1:1\n-1 2:1\n1 1000000000:1\n");
        string[] command = ["train", "--data", data, "--epochs", "1", "--out", _folder["m"]];
        await RefusedAsync(1, $"{data}: 1,000,000,000 features make a model of 1,000,000,001 numbers, but the data has only 3 non-zeros to learn them from", command);
        await CommandLine.MustAsync([.. command, "--hash-bits", "8"]);
    }

    [Fact]
    public async Task OutOfMemory_IsOneSentence()
    {
        var root = new RootCommand("A command that takes too much.");
        root.SetAction((Func<ParseResult, int>)(_ => throw new OutOfMemoryException()));
        using var error = new StringWriter();
        Assert.Equal(1, await CommandRunner.RunAsync(root, "greedy", [], TextWriter.Null, error, _ => false));
        Assert.StartsWith("There is not enough memory for this; ", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Model_CutShortAnywhere_IsRefused()
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
        string other = _folder.Write("d", "0 1:1\n\n# a comment\n5 1:1\n");
        await RefusedAsync(1, $"{other}:4:1: Row 2 has the label 5", "evaluate", "--model", _folder["m"], "--data", other);
        await RefusedAsync(1, $"{other}:4:1: Row 2 has the label 5", "train", "--data", train, "--test", other, "--out", _folder["m2"]);
        string classes = _folder.Write("c", "1 1:1\n2 2:1\n3 1:2\n");
        await RefusedAsync(1, $"{classes}: Two classes are needed, but there are 3", "train", "--data", classes, "--model", "logistic", "--out", _folder["m2"]);
    }

    [Fact]
    public async Task Out_ThatIsAnInput_IsRefusedByAnyName()
    {
        (string train, string test) = await CommandLine.ClicksAsync(_folder, 300, 50);
        await CommandLine.MustAsync("train", "--data", train, "--epochs", "1", "--out", _folder["m"]);
        byte[] data = await File.ReadAllBytesAsync(train);
        string link = Path.Combine(Path.GetTempPath(), $"distsgd-link-{Guid.NewGuid():N}");
        Directory.CreateSymbolicLink(link, _folder.Place);
        try
        {
            foreach (string alias in (string[])[train, Path.Combine(_folder.Place, ".", "train.libsvm"), Path.Combine(link, "train.libsvm")])
            {
                await RefusedAsync(2, "is a file that is read too", "train", "--data", train, "--out", alias);
                await RefusedAsync(2, "is a file that is read too", "train", "--data", test, "--test", train, "--out", alias);
                await RefusedAsync(2, "is a file that is read too", "predict", "--model", _folder["m"], "--data", train, "--out", alias);
            }
        }
        finally
        {
            Directory.Delete(link);
        }
        await RefusedAsync(2, "is a file that is read too", "predict", "--model", _folder["m"], "--data", train, "--out", _folder["m"]);
        await RefusedAsync(2, "is the name of the cache", "train", "--data", train, "--out", $"{train}.dscache");
        Assert.Equal(data, await File.ReadAllBytesAsync(train));
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

    private async Task RefusedAsync(int code, string says, params string[] args)
    {
        string[] before = _folder.Names;
        Outcome outcome = await CommandLine.RunAsync(args);
        string all = $"distsgd {string.Join(' ', args)} → {outcome.Code}: {outcome.Error}";
        Assert.True(outcome.Code == code, all);
        Assert.True(outcome.Error.Contains(says, StringComparison.Ordinal), $"expected \"{says}\": {all}");
        // One sentence, and for misused options where the help is.
        string[] lines = outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == 1 || (lines.Length == 2 && lines[1].StartsWith("See: distsgd", StringComparison.Ordinal)), all);
        Assert.Equal(before, _folder.Names);
    }
}
