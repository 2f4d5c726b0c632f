using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Metrics;
using DistSgd.Learning.Models;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The command <c>evaluate</c>.</summary>
internal static class EvaluateCommand
{
    public static Command Build()
    {
        ValueOption model = Arguments.FilePath("--model", "The model file.");
        ValueOption data = Arguments.FilePath("--data", "Labelled rows, in the format of the training data; - is standard input.");
        model.Required = data.Required = true;
        Option<bool> condition = Arguments.Flag("--condition", "Also estimate the largest and the smallest eigenvalue of the objective's Hessian at the model, and their ratio.");
        Option<bool> json = Arguments.Flag("--json", "Print one JSON object.");
        var command = new Command("evaluate", "Loss and metrics of a model on labelled data.") { model, data, condition, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            (TrainedModel loaded, EvaluationResult result, SpectrumEnds? spectrum, string? notice) = await Interruptible.RunAsync(() => Evaluate(parsed.GetValue(model)!, parsed.GetValue(data)!, parsed.GetValue(condition), cancellationToken),
                "Interrupted while evaluating; nothing was written.", cancellationToken);
            Print(parsed.InvocationConfiguration.Output, loaded, result, spectrum, notice, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    private static (TrainedModel Model, EvaluationResult Result, SpectrumEnds? Spectrum, string? Notice) Evaluate(string modelPath, string dataPath, bool condition, CancellationToken cancellationToken)
    {
        TrainedModel model = TrainedModel.Load(modelPath);
        using InputFile file = InputFile.Of(dataPath);
        using Dataset rows = file.Read(path => Dataset.Open(path, model.ReadOptions with { CancellationToken = cancellationToken }));
        return file.Read(_ => (model, model.Evaluate(rows, Environment.ProcessorCount, cancellationToken), condition ? model.Spectrum(rows, cancellationToken) : (SpectrumEnds?)null, rows.Notice));
    }

    private static void Print(TextWriter output, TrainedModel model, EvaluationResult result, SpectrumEnds? spectrum, string? notice, bool json)
    {
        if (!json)
        {
            if (notice is not null)
                output.WriteLine($"data   {notice}");
            output.WriteLine($"test   {TextReport.Describe(result)}");
            if (result.LogLoss is { } logLoss)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"       log-loss {logLoss:F4}"));
            if (spectrum is { } ends)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"hessian  eigenvalues {ends.Smallest:G4} to {ends.Largest:G4}, condition {ends.Condition:G4} (l2 {model.L2:G4}; {ends.Products} products)"));
            if (result.Classes.Count > 0)
                output.WriteLine("  label      rows  precision  recall      F1");
            foreach (ClassFigures one in result.Classes)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{model.Labels.Text(one.Label),7}  {one.Rows,8:N0}  {one.Precision,9:F4}  {one.Recall,6:F4}  {one.F1,6:F4}"));
            return;
        }
        var line = new JsonObject { ["task"] = KindName.Of(model.Kind), ["rows"] = result.Rows, ["notice"] = notice };
        JsonReport.AddTest(line, result);
        if (spectrum is { } hessian)
        {
            line["hessian_largest"] = hessian.Largest;
            line["hessian_smallest"] = hessian.Smallest;
            line["hessian_condition"] = double.IsFinite(hessian.Condition) ? hessian.Condition : null;
        }
        if (result.Classes.Count > 0)
            line["classes"] = JsonReport.Classes(result, model.Labels);
        output.WriteLine(line.ToJsonString());
    }
}
