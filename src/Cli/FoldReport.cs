using System.Globalization;
using System.Text.Json.Nodes;
using DistSgd.Learning.Models;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>What a cross-validation prints: a line a fold, then mean and standard deviation of each figure.</summary>
/// <param name="output">Where to.</param>
/// <param name="json">One JSON object a line; the last is the summary.</param>
internal sealed class FoldReport(TextWriter output, bool json)
{
    private static readonly (string Name, string JsonName, Func<EvaluationResult, double?> Of)[] Figures =
    [
        ("loss", "loss", e => e.Loss), ("accuracy", "accuracy", e => e.Accuracy), ("AUC", "auc", e => e.Auc), ("macro F1", "macro_f1", e => e.MacroF1),
        ("RMSE", "rmse", e => e.Rmse), ("MAE", "mae", e => e.Mae), ("R2", "r2", e => e.RSquared), ("NDCG@10", "ndcg_10", e => e.Ndcg), ("Hamming loss", "hamming_loss", e => e.HammingLoss),
    ];

    public void Fold(int number, TrainingResult fold)
    {
        if (!json)
        {
            output.WriteLine($"fold {number,2}  {TextReport.Describe(fold.Test!)}; trained on {fold.Train.Rows:N0}, loss {fold.Train.Loss.ToString("F4", CultureInfo.InvariantCulture)}");
            return;
        }
        var line = new JsonObject { ["event"] = "fold", ["fold"] = number, ["rows"] = fold.Train.Rows, ["train_loss"] = fold.Train.Loss, ["test_rows"] = fold.Test!.Rows };
        JsonReport.AddTest(line, fold.Test);
        output.WriteLine(line.ToJsonString());
    }

    public void Summary(IReadOnlyList<TrainingResult> folds)
    {
        var line = new JsonObject { ["event"] = "summary", ["task"] = KindName.Of(folds[0].Job.Model.Kind), ["folds"] = folds.Count };
        foreach ((string name, string jsonName, Func<EvaluationResult, double?> figure) in Figures)
        {
            if (CrossValidation.Spread(folds, figure) is not { } spread)
                continue;
            (line[$"{jsonName}_mean"], line[$"{jsonName}_sd"]) = (spread.Mean, spread.Deviation);
            if (!json)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mean     {name} {spread.Mean:G5} ± {spread.Deviation:G3}"));
        }
        if (json)
            output.WriteLine(line.ToJsonString());
    }
}
