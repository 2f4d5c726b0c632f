using System.Text.Json;
using DistSgd.TestKit;

namespace DistSgd.Cli.Tests;

/// <summary>Each task's figures, in the text and the JSON of <c>evaluate</c>.</summary>
public sealed class EvaluateMetricsTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("logistic", "accuracy,AUC,log-loss,precision,recall,F1", "accuracy,auc,log_loss,macro_f1")]
    [InlineData("svm", "accuracy,AUC,precision,recall,F1", "accuracy,auc,macro_f1")]
    [InlineData("softmax", "accuracy,macro F1,log-loss,precision,recall,F1", "accuracy,log_loss,macro_f1")]
    [InlineData("multiclass-svm", "accuracy,macro F1,precision,recall,F1", "accuracy,macro_f1")]
    [InlineData("linear", "RMSE,MAE,R2", "rmse,mae,r2")]
    [InlineData("svm-rank", "NDCG@10", "ndcg_10")]
    public async Task Evaluate_OfEveryTask_HasItsFigures(string model, string words, string keys)
    {
        string data = _folder.Write("d", string.Concat(Enumerable.Range(0, 60).Select(row => Row(model, row))));
        await CommandLine.MustAsync("train", "--data", data, "--model", model, "--epochs", "3", "--out", _folder["m"]);
        Outcome text = await CommandLine.MustAsync("evaluate", "--model", _folder["m"], "--data", data), json = await CommandLine.MustAsync("evaluate", "--model", _folder["m"], "--data", data, "--json");
        Assert.All((string[])["loss", .. words.Split(',')], word => Assert.Contains($"{word} ", $"{text.Output.ReplaceLineEndings(" ")} ", StringComparison.Ordinal));
        Assert.All((string[])["loss", .. keys.Split(',')], key => Assert.Equal(JsonValueKind.Number, json.LastJson.GetProperty($"test_{key}").ValueKind));
        if (words.Contains("precision", StringComparison.Ordinal))
            Assert.All(json.LastJson.GetProperty("classes").EnumerateArray(), one => Assert.True(one.GetProperty("recall").GetDouble() is >= 0 and <= 1));
    }

    [Fact]
    public async Task TargetsThatAreAllEqual_HaveNoR2()
    {
        string data = _folder.Write("d", "1 1:1\n1 1:2\n1 1:3\n");
        Outcome trained = await CommandLine.MustAsync("train", "--data", data, "--model", "linear", "--out", _folder["m"]);
        Assert.Contains("RMSE 0, MAE 0 on 3 rows", trained.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evaluate_WithCondition_GivesTheEndsOfTheSpectrum()
    {
        string data = _folder.Write("d", "1 1:4\n2 1:-4\n3 2:1\n4 2:-1\n");
        await CommandLine.MustAsync("train", "--data", data, "--model", "linear", "--scale", "off", "--l2", "0", "--epochs", "1", "--threads", "1", "--out", _folder["m"]);
        Outcome text = await CommandLine.MustAsync("evaluate", "--model", _folder["m"], "--data", data, "--condition"), json = await CommandLine.MustAsync("evaluate", "--model", _folder["m"], "--data", data, "--condition", "--json");
        Assert.Contains("eigenvalues 0.5 to 8, condition 16 ", text.Output, StringComparison.Ordinal);
        Assert.Equal(16, json.LastJson.GetProperty("hessian_condition").GetDouble(), 1e-3);
    }

    [Fact]
    public async Task Evaluate_WithCondition_OfSoftmax_LeavesOutTheCommonShiftOfBiases_AndOfTheHingeIsRefused()
    {
        string data = _folder.Write("s", string.Concat(Enumerable.Range(0, 60).Select(row => Row("softmax", row))));
        await CommandLine.MustAsync("train", "--data", data, "--model", "softmax", "--l2", "0.1", "--epochs", "2", "--out", _folder["m"]);
        double condition = (await CommandLine.MustAsync("evaluate", "--model", _folder["m"], "--data", data, "--condition", "--json")).LastJson.GetProperty("hessian_condition").GetDouble();
        Assert.InRange(condition, 1, 1_000);
        await CommandLine.MustAsync("train", "--data", data, "--model", "multiclass-svm", "--epochs", "2", "--out", _folder["m"]);
        Outcome refused = await CommandLine.RunAsync("evaluate", "--model", _folder["m"], "--data", data, "--condition");
        Assert.Equal((1, true), (refused.Code, refused.Error.StartsWith("The loss crammer-singer is made of straight pieces", StringComparison.Ordinal)));
    }

    private static string Row(string model, int row)
    {
        double a = Math.Sin(row), b = Math.Cos(3 * row);
        string label = model switch
        {
            "linear" => $"{a - b:F3}",
            "svm-rank" => $"{row % 3} qid:{row / 6}",
            "softmax" or "multiclass-svm" => $"{row % 3}",
            _ => a > b ? "1" : "0",
        };
        return $"{label} 1:{a:F3} 2:{b:F3} 3:{row % 3}\n";
    }
}
