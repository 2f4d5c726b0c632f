using System.Text.Json.Nodes;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>One JSON object a line; the last is the summary.</summary>
internal sealed class JsonReport(TextWriter output) : TrainingReport
{
    protected override void ShowData(TrainingData data) => Write(new JsonObject
    {
        ["event"] = "data",
        ["description"] = data.Description,
        ["rows"] = data.Train.RowCount,
        ["features"] = data.Train.FeatureCount,
        ["non_zeros"] = data.Train.NonZeroCount,
        ["columns"] = data.Train.Layout?.ToString(),
        ["notice"] = data.Train.Notice,
    });

    public override void Notice(string sentence) => Write(new JsonObject { ["event"] = "notice", ["message"] = sentence });

    protected override void Show(TrainingProgress p)
    {
        var line = new JsonObject
        {
            ["event"] = "evaluation",
            ["epoch"] = p.Epoch,
            ["epochs"] = p.Epochs,
            ["steps"] = p.Steps,
            ["seconds"] = p.Seconds,
            ["bytes"] = p.Bytes,
            ["examples_per_second"] = p.ExamplesPerSecond,
            ["train_loss"] = p.TrainLoss,
        };
        AddTest(line, p.Test);
        line["staleness_p50"] = p.StalenessP50;
        line["staleness_p99"] = p.StalenessP99;
        line["wire_mb_per_second"] = p.WireMegabytesPerSecond;
        Write(line);
    }

    public override void Summary(TrainingResult r)
    {
        var line = new JsonObject
        {
            ["event"] = "summary",
            ["task"] = KindName.Of(r.Job.Model.Kind),
            ["loss"] = KindName.Of(r.Job.Model.Loss),
            ["optimizer"] = r.Job.Rule.Form.Facts.Name,
            ["epochs"] = r.Job.Epochs,
            ["ended_by"] = KindName.Of(r.EndedBy),
            ["epoch"] = r.Epoch,
            ["learning_rate"] = r.LearningRate,
            ["l1"] = r.Job.Rule.L1,
            ["l2"] = r.Job.Rule.L2,
            ["seed"] = r.Job.Seed,
            ["rows"] = r.Train.Rows,
            ["features"] = r.Job.Features,
            ["seconds"] = r.Seconds,
            ["seconds_total"] = SecondsTotal,
            ["examples_per_second"] = r.ExamplesPerSecond,
            ["train_loss"] = r.Train.Loss,
            ["train_accuracy"] = r.Train.Accuracy,
            ["train_rmse"] = r.Train.Rmse,
        };
        AddTest(line, r.Test);
        line["staleness_p50"] = r.StalenessP50;
        line["staleness_p99"] = r.StalenessP99;
        line["bytes_pushed"] = r.BytesPushed;
        line["bytes_pulled"] = r.BytesPulled;
        line["processes"] = new JsonArray([.. r.Processes.Select(process => new JsonObject
        {
            ["role"] = process.Role,
            ["process_id"] = process.ProcessId,
            ["where"] = process.Where,
            ["pushes"] = process.Pushes,
            ["bytes_pushed"] = process.BytesPushed,
            ["bytes_pulled"] = process.BytesPulled,
        })]);
        Write(line);
    }

    internal static JsonArray Classes(EvaluationResult result, LabelMap labels) => new([.. result.Classes.Select(one => new JsonObject
    {
        ["label"] = labels.Names.Count > 0 ? labels.Text(one.Label) : (JsonNode)one.Label,
        ["rows"] = one.Rows,
        ["precision"] = one.Precision,
        ["recall"] = one.Recall,
        ["f1"] = one.F1,
    })]);

    internal static void AddTest(JsonObject line, EvaluationResult? test)
    {
        line["test_loss"] = test?.Loss;
        line["test_accuracy"] = test?.Accuracy;
        line["test_auc"] = test?.Auc;
        line["test_rmse"] = test?.Rmse;
        line["test_mae"] = test?.Mae;
        line["test_r2"] = test?.RSquared;
        line["test_log_loss"] = test?.LogLoss;
        line["test_macro_f1"] = test?.MacroF1;
        line["test_micro_f1"] = test?.MicroF1;
        line["test_hamming_loss"] = test?.HammingLoss;
        line["test_mean_cost"] = test?.MeanCost;
        line["test_ndcg_10"] = test?.Ndcg;
        line["test_ignored_features"] = test?.IgnoredFeatures;
    }

    private void Write(JsonObject line)
    {
        output.WriteLine(line.ToJsonString());
        output.Flush();
    }
}
