using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Cli.Tests;

public sealed class EmbeddedTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TrainEvaluatePredictInspect_AgreeWithEachOther()
    {
        (string train, string test) = await CommandLine.ClicksAsync(_folder);
        string model = _folder["m.safetensors"];
        JsonElement summary = (await CommandLine.MustAsync("train", "--data", train, "--test", test, "--epochs", "3", "--threads", "1", "--out", model, "--json")).LastJson;
        JsonElement evaluated = (await CommandLine.MustAsync("evaluate", "--model", model, "--data", test, "--json")).LastJson;
        foreach (string field in (string[])["test_loss", "test_accuracy", "test_auc"])
            Assert.Equal(summary.GetProperty(field).GetDouble(), evaluated.GetProperty(field).GetDouble(), 1e-12);
        double trainLoss = (await CommandLine.MustAsync("evaluate", "--model", model, "--data", train, "--json")).LastJson.GetProperty("test_loss").GetDouble();
        Assert.Equal(summary.GetProperty("train_loss").GetDouble(), trainLoss, 1e-12);
        Assert.Equal(trainLoss, double.Parse(Trainer.TrainedModel.Load(model).Summary["train_loss"], System.Globalization.CultureInfo.InvariantCulture), 1e-12);

        await CommandLine.MustAsync("predict", "--model", model, "--data", test, "--out", _folder["p"]);
        string[][] predictions = [.. File.ReadLines(_folder["p"]).Select(line => line.Split(' '))];
        string[] labels = [.. File.ReadLines(test).Select(line => line.Split(' ')[0])];
        Assert.Equal(labels.Length, predictions.Length);
        int right = predictions.Zip(labels).Count(pair => pair.First[0] == pair.Second);
        Assert.Equal(summary.GetProperty("test_accuracy").GetDouble(), right / (double)labels.Length, 1e-9);
        double loss = predictions.Zip(labels).Average(pair =>
        {
            double p = double.Parse(pair.First[1], CultureInfo.InvariantCulture);
            return -Math.Log(pair.Second == "1" ? p : 1 - p);
        });
        Assert.Equal(summary.GetProperty("test_loss").GetDouble(), loss, 1e-4);

        string inspected = (await CommandLine.MustAsync("inspect", model)).Output;
        Assert.Contains("logistic", inspected, StringComparison.Ordinal);
        Assert.Contains(summary.GetProperty("features").GetInt32().ToString("N0", CultureInfo.InvariantCulture), inspected, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_LastLineHasEveryField_AlsoWithoutTestData()
    {
        (string train, string test) = await CommandLine.ClicksAsync(_folder, 500, 200);
        foreach (string[] more in (string[][])[["--test", test], []])
        {
            Outcome outcome = await CommandLine.MustAsync(["train", "--data", train, "--epochs", "2", "--out", _folder["m"], "--json", .. more]);
            JsonElement[] lines = [.. outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
            foreach (string field in (string[])["task", "epochs", "seconds", "seconds_total", "examples_per_second", "train_loss", "test_loss", "test_accuracy", "test_auc", "test_rmse", "staleness_p50", "staleness_p99", "bytes_pushed", "bytes_pulled"])
                Assert.True(lines[^1].TryGetProperty(field, out _), $"the summary lacks {field}: {lines[^1]}");
            Assert.Equal(2, lines.Count(line => line.GetProperty("event").GetString() == "evaluation"));
            Assert.Equal(more.Length > 0 ? JsonValueKind.Number : JsonValueKind.Null, lines[^1].GetProperty("test_loss").ValueKind);
        }
    }

    [Fact]
    public async Task Train_WithoutData_GeneratesClicksAndSaysSo()
    {
        string output = (await CommandLine.MustAsync("train", "--epochs", "1", "--out", _folder["m"])).Output;
        Assert.Contains("generated click log", output, StringComparison.Ordinal);
        Assert.Contains("best reachable loss", output, StringComparison.Ordinal);
        Assert.Equal(["m"], _folder.Names);
    }

    [Fact]
    public async Task Defaults_TwoLabelsAreClasses_RealTargetsAreRegression()
    {
        (string train, _) = await CommandLine.ClicksAsync(_folder, 600, 10);
        Outcome classes = await CommandLine.MustAsync("train", "--data", train, "--test", train, "--out", _folder["m"]);
        Assert.Contains("logistic (chosen)", classes.Output, StringComparison.Ordinal);
        Assert.Contains("AUC", classes.Output, StringComparison.Ordinal);

        await CommandLine.MustAsync("generate", "dense-regression", "--rows", "2000", "--features", "10", "--out", _folder["r"]);
        Outcome regression = await CommandLine.MustAsync("train", "--data", _folder["r"], "--test", _folder["r"], "--out", _folder["m"]);
        Assert.Contains("linear (chosen)", regression.Output, StringComparison.Ordinal);
        Assert.Contains("RMSE", regression.Output, StringComparison.Ordinal);
        JsonElement evaluated = (await CommandLine.MustAsync("evaluate", "--model", _folder["m"], "--data", _folder["r"], "--json")).LastJson;
        Assert.Equal(JsonValueKind.Null, evaluated.GetProperty("test_accuracy").ValueKind);
        Assert.True(evaluated.GetProperty("test_rmse").GetDouble() > 0);
    }

    [Fact]
    public async Task Predict_NeedsNothingButTheModel_AndIgnoresLabelsAndUnseenFeatures()
    {
        (string train, string test) = await CommandLine.ClicksAsync(_folder, 800, 100);
        await CommandLine.MustAsync("train", "--data", train, "--epochs", "2", "--out", _folder["m"]);
        await CommandLine.MustAsync("predict", "--model", _folder["m"], "--data", test, "--out", _folder["p1"]);
        using var elsewhere = new Folder();
        File.Move(_folder["m"], elsewhere["model"]);
        string[] lines = await File.ReadAllLinesAsync(test);
        File.Delete(train);
        // Another label, and two features beyond the model's on every line.
        string[] changed = [.. lines.Select(line => $"17{line[line.IndexOf(' ')..]} 900000:2.5 900001:1")];
        await File.WriteAllLinesAsync(elsewhere["d"], changed);
        Outcome predicted = await CommandLine.MustAsync("predict", "--model", elsewhere["model"], "--data", elsewhere["d"], "--out", elsewhere["p2"]);
        Assert.Equal(await File.ReadAllTextAsync(_folder["p1"]), await File.ReadAllTextAsync(elsewhere["p2"]));
        Assert.Contains("200 values of features that the model doesn't know", predicted.Output, StringComparison.Ordinal);

        await File.WriteAllLinesAsync(elsewhere["e"], lines.Select(line => $"{line} 900000:2.5 900001:1"));
        JsonElement evaluated = (await CommandLine.MustAsync("evaluate", "--model", elsewhere["model"], "--data", elsewhere["e"], "--json")).LastJson;
        Assert.Equal(200, evaluated.GetProperty("test_ignored_features").GetInt64());
    }

    [Fact]
    public async Task IndexBase_ZeroAndOne_GiveTheSameModel()
    {
        (string one, _) = await CommandLine.ClicksAsync(_folder, 400, 10);
        string zero = _folder.Write("zero", string.Join('\n', File.ReadLines(one).Select(line => string.Join(' ', line.Split(' ').Select((word, i) =>
            i == 0 ? word : $"{int.Parse(word.Split(':')[0], CultureInfo.InvariantCulture) - 1}:{word.Split(':')[1]}")))) + "\n");
        await CommandLine.MustAsync("train", "--data", one, "--epochs", "2", "--threads", "1", "--index-base", "one", "--out", _folder["m1"]);
        await CommandLine.MustAsync("train", "--data", zero, "--epochs", "2", "--threads", "1", "--index-base", "zero", "--out", _folder["m0"]);
        Assert.Equal(TrainedModel.Load(_folder["m1"]).Weights.ToArray(), TrainedModel.Load(_folder["m0"]).Weights.ToArray());
        await CommandLine.MustAsync("predict", "--model", _folder["m1"], "--data", one, "--out", _folder["p1"]);
        await CommandLine.MustAsync("predict", "--model", _folder["m0"], "--data", zero, "--out", _folder["p0"]);
        Assert.Equal(await File.ReadAllTextAsync(_folder["p1"]), await File.ReadAllTextAsync(_folder["p0"]));
    }

    [Fact]
    public async Task Gzip_GivesTheSameModelAsPlainText()
    {
        (string plain, _) = await CommandLine.ClicksAsync(_folder, 400, 10);
        await using (FileStream from = File.OpenRead(plain))
        await using (var to = new GZipStream(File.Create(_folder["d.gz"]), CompressionLevel.Fastest))
            await from.CopyToAsync(to);
        await CommandLine.MustAsync("train", "--data", plain, "--epochs", "2", "--threads", "1", "--out", _folder["m1"]);
        await CommandLine.MustAsync("train", "--data", _folder["d.gz"], "--epochs", "2", "--threads", "1", "--out", _folder["m2"]);
        Assert.Equal(TrainedModel.Load(_folder["m1"]).Weights.ToArray(), TrainedModel.Load(_folder["m2"]).Weights.ToArray());
    }

    [PeerFact("data:a9a/a9a.train.gz", "data:a9a/a9a.test.gz")]
    public async Task A9a_WithDefaults_ReachesTheTunedAccuracy()
    {
        string data = Path.Combine(Environment.GetEnvironmentVariable("DISTSGD_DATA")!, "a9a");
        JsonElement summary = (await CommandLine.MustAsync("train", "--data", Path.Combine(data, "a9a.train.gz"), "--test", Path.Combine(data, "a9a.test.gz"), "--cache", "off", "--out", _folder["m"], "--json")).LastJson;
        Assert.InRange(summary.GetProperty("test_accuracy").GetDouble(), 0.84, 1);
        Assert.InRange(summary.GetProperty("test_loss").GetDouble(), 0, 0.33);
    }
}
