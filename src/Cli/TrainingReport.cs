using System.Diagnostics;
using System.Globalization;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Trainer;
using DistSgd.Trainer.Stopping;

namespace DistSgd.Cli;

/// <summary>What a training prints.</summary>
internal abstract class TrainingReport
{
    // The training's threads write these, one at a time; read when it has ended.
    private bool _read;
    private int _epochsDone;
    private int _epochs;
    private int _saved;

    /// <summary>Seconds since the process started.</summary>
    protected static double SecondsTotal => (DateTime.UtcNow - Process.GetCurrentProcess().StartTime.ToUniversalTime()).TotalSeconds;

    /// <summary>Shows what is trained on.</summary>
    public void Data(TrainingData data)
    {
        _read = true;
        ShowData(data);
    }

    public abstract void Notice(string sentence);

    /// <summary>Shows an evaluation.</summary>
    public void Progress(TrainingProgress progress)
    {
        (_epochsDone, _epochs) = (progress.Epoch, progress.Epochs);
        Show(progress);
    }

    /// <summary>Keeps in mind that the model was saved.</summary>
    public void Saved(int epoch) => _saved = epoch;

    /// <summary>The sentence of a training that was interrupted: in what, and what is written.</summary>
    /// <param name="path">The model file.</param>
    /// <param name="checkpoint">The checkpoint; null: none is kept.</param>
    public string Interrupted(string path, string? checkpoint)
    {
        string where = !_read ? "while the data was read" : _epochs == 0 ? "in epoch 1" : _epochsDone == _epochs ? "after the last epoch" : $"in epoch {_epochsDone + 1} of {_epochs}";
        return $"Interrupted {where}; {(_saved > 0 ? $"{path} holds the model after epoch {_saved}" : OutputFile.Untouched(path))}{(File.Exists(checkpoint) ? $"; the same command goes on from {checkpoint}" : "")}.";
    }

    public abstract void Summary(TrainingResult result);

    protected abstract void Show(TrainingProgress progress);

    protected abstract void ShowData(TrainingData data);
}

/// <summary>Lines for people.</summary>
internal sealed class TextReport(TextWriter output, string modelPath) : TrainingReport
{
    private bool _headed;
    private int _epoch;

    protected override void ShowData(TrainingData data)
    {
        output.WriteLine($"data   {data.Description}");
        if (data.Train.Layout is { } layout)
            output.WriteLine($"       {layout}");
        if (data.Test?.Layout is not null && data.Test.Notice is { } differs)
            output.WriteLine($"       test data: {differs}");
        if (data.Train.Notice is { } notice)
            output.WriteLine($"       {notice}");
    }

    public override void Notice(string sentence) => output.WriteLine($"       {sentence}");

    protected override void Show(TrainingProgress p)
    {
        _epoch = p.Epoch;
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
            output.WriteLine(F($"{process.Role,-6} process {process.ProcessId} ({process.Where}): {Plural.Of(process.Pushes, "push", "pushes")}, {process.BytesPushed:N0} bytes pushed, {process.BytesPulled:N0} pulled"));
        if (r.EndedBy != EndReason.Epochs)
            output.WriteLine($"ended  by {r.EndedBecause}");
        if (r.Epoch < _epoch)
            output.WriteLine($"       the model is that of epoch {r.Epoch}");
        output.WriteLine($"train  {Describe(r.Train)}");
        if (r.Test is not null)
            output.WriteLine($"test   {Describe(r.Test)}");
        output.WriteLine(F($"done   {r.Seconds:F2} s of training ({r.ExamplesPerSecond:N0} examples/s), {SecondsTotal:F2} s in all; the model is {modelPath}"));
    }

    internal static string Describe(EvaluationResult e)
    {
        string auc = e.Auc is { } area ? F($", AUC {area:F4}") : e.Classes.Count > 2 ? F($", macro F1 {e.MacroF1:F4}") : "";
        string ignored = e.IgnoredFeatures > 0 ? F($" ({LeftOut(e.IgnoredFeatures)})") : "";
        if (e.Ndcg is { } ndcg)
            return F($"loss {e.Loss:F4}, NDCG@10 {ndcg:F4} on {Plural.Of(e.Rows, "row")}{ignored}");
        if (e.HammingLoss is { } hamming)
            return F($"loss {e.Loss:F4}, all labels right {e.Accuracy:F4}, Hamming loss {hamming:F4}, micro F1 {e.MicroF1:F4}, macro F1 {e.MacroF1:F4} on {Plural.Of(e.Rows, "row")}{ignored}");
        string cost = e.MeanCost is { } mean ? F($", mean cost {mean:F4}") : "";
        return e.Rmse is { } rmse ? F($"loss {e.Loss:G6}, RMSE {rmse:G6}, MAE {e.Mae:G6}{(e.RSquared is { } explained ? F($", R2 {explained:F4}") : "")} on {Plural.Of(e.Rows, "row")}{ignored}") : F($"loss {e.Loss:F4}, accuracy {e.Accuracy:F4}{auc}{cost} on {Plural.Of(e.Rows, "row")}{ignored}");
    }

    internal static string LeftOut(long values) => $"{Plural.Of(values, "value")} of features that the model doesn't know {(values == 1 ? "was" : "were")} left out";

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
