using System.Diagnostics;
using System.Globalization;
using DistSgd.Learning.Models;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>What a training prints.</summary>
internal abstract class TrainingReport
{
    /// <summary>Seconds since the process started.</summary>
    protected static double SecondsTotal => (DateTime.UtcNow - Process.GetCurrentProcess().StartTime.ToUniversalTime()).TotalSeconds;

    public abstract void Data(TrainingData data);

    public abstract void Notice(string sentence);

    public abstract void Progress(TrainingProgress progress);

    public abstract void Summary(TrainingResult result);
}

/// <summary>Lines for people.</summary>
internal sealed class TextReport(TextWriter output, string modelPath) : TrainingReport
{
    private bool _headed;

    public override void Data(TrainingData data)
    {
        output.WriteLine($"data   {data.Description}");
        if (data.Train.Notice is { } notice)
            output.WriteLine($"       {notice}");
    }

    public override void Notice(string sentence) => output.WriteLine($"       {sentence}");

    public override void Progress(TrainingProgress p)
    {
        bool classifies = p.Test?.Accuracy is not null, ranks = p.Test?.Ndcg is not null;
        if (!_headed)
        {
            string test = p.Test is null ? "" : ranks ? "  test loss  NDCG@10" : classifies ? "  test loss  accuracy     AUC" : "  test loss       RMSE";
            output.WriteLine($" epoch  examples/s  train loss{test}  staleness p50/p99  wire MB/s");
            _headed = true;
        }
        string figures = p.Test is null ? "" : ranks ? F($"  {p.Test.Loss,9:F4}  {p.Test.Ndcg,7:F4}") : classifies
            ? F($"  {p.Test.Loss,9:F4}  {p.Test.Accuracy,8:F4}  {p.Test.Auc,6:F4}")
            : F($"  {p.Test.Loss,9:G6}  {p.Test.Rmse,9:G6}");
        string wire = p.WireMegabytesPerSecond is { } rate ? F($"{rate,9:F1}") : "        -";
        output.WriteLine(F($"{p.Epoch,6}  {p.ExamplesPerSecond,10:N0}  {p.TrainLoss,10:G5}{figures}  {$"{p.StalenessP50}/{p.StalenessP99}",17}  {wire}"));
        output.Flush();
    }

    public override void Summary(TrainingResult r)
    {
        foreach (ProcessFigures process in r.Processes)
            output.WriteLine(F($"{process.Role,-6} process {process.ProcessId} ({process.Where}): {process.Pushes:N0} pushes, {process.BytesPushed:N0} bytes pushed, {process.BytesPulled:N0} pulled"));
        output.WriteLine($"train  {Describe(r.Train)}");
        if (r.Test is not null)
            output.WriteLine($"test   {Describe(r.Test)}");
        output.WriteLine(F($"done   {r.Seconds:F2} s of training ({r.ExamplesPerSecond:N0} examples/s), {SecondsTotal:F2} s in all; the model is {modelPath}"));
    }

    internal static string Describe(EvaluationResult e)
    {
        string auc = e.Auc is { } area ? F($", AUC {area:F4}") : e.Classes.Count > 2 ? F($", macro F1 {e.MacroF1:F4}") : "";
        string ignored = e.IgnoredFeatures > 0 ? F($" ({e.IgnoredFeatures:N0} values of features that the model doesn't know were left out)") : "";
        if (e.Ndcg is { } ndcg)
            return F($"loss {e.Loss:F4}, NDCG@10 {ndcg:F4} on {e.Rows:N0} rows{ignored}");
        if (e.HammingLoss is { } hamming)
            return F($"loss {e.Loss:F4}, all labels right {e.Accuracy:F4}, Hamming loss {hamming:F4}, micro F1 {e.MicroF1:F4}, macro F1 {e.MacroF1:F4} on {e.Rows:N0} rows{ignored}");
        string cost = e.MeanCost is { } mean ? F($", mean cost {mean:F4}") : "";
        return e.Rmse is { } rmse ? F($"loss {e.Loss:G6}, RMSE {rmse:G6}, MAE {e.Mae:G6}, R2 {e.RSquared:F4} on {e.Rows:N0} rows{ignored}") : F($"loss {e.Loss:F4}, accuracy {e.Accuracy:F4}{auc}{cost} on {e.Rows:N0} rows{ignored}");
    }

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
