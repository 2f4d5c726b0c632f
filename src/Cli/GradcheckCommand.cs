using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Models;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The command <c>gradcheck</c>.</summary>
internal static class GradcheckCommand
{
    private const int RowsMax = 200;
    private const int ClassesMax = 64;

    public static Command Build()
    {
        ValueOption data = Arguments.FilePath("--data", "Rows, LIBSVM text, plain or gzip, of which the first 200 are taken; models that they don't fit are left out; default: generated rows for each model.");
        ValueOption seed = Arguments.Number(TrainingRanges.Seed, "Seed of the point, and of generated rows.", "1");
        Option<bool> json = Arguments.Flag("--json", "Print one JSON object a line.");
        var command = new Command("gradcheck", "Hold the gradients of all models, losses and regularisers against central differences; exit code 1 if one is wrong.") { data, seed, json };
        command.SetAction((parsed, stop) => Interruptible.RunAsync(
            () => Run(parsed.GetValue(data), parsed.Whole(seed)!.Value, parsed.GetValue(json), parsed.InvocationConfiguration.Output, stop), "Interrupted while checking.", stop));
        return command;
    }

    private static int Run(string? path, long seed, bool json, TextWriter output, CancellationToken stop)
    {
        using Dataset? given = path is null ? null : Dataset.Open(path, new ReadOptions { CancellationToken = stop });
        if (!json)
            output.WriteLine($"{"model and loss",-40} {"regulariser",-12} {"float64",10} {"float32",10}");
        int checks = 0, failed = 0;
        foreach (ModelSpec model in GradientCheck.Models(CheckedRows.Classes))
        {
            stop.ThrowIfCancellationRequested();
            using Dataset? drawn = given is null ? CheckedRows.Draw(model, seed) : null;
            if (Fit(model, given ?? drawn!) is not { } fit)
                continue;
            int features = (int)Math.Max(1, (given ?? drawn!).FeatureCount);
            using BlockSet blocks = CheckedRows.Block(fit.Model, given ?? drawn!, fit.Labels, features, RowsMax);
            foreach (CheckedRegularizer regularizer in GradientCheck.Regularizers)
            {
                GradientFinding finding = GradientCheck.Check(fit.Model, regularizer, blocks[0], features, seed);
                Print(output, finding, json);
                checks++;
                failed += finding.Passes ? 0 : 1;
            }
        }
        if (checks == 0)
            throw new TrainingException($"{path}: no model fits these labels.");
        if (!json)
            output.WriteLine($"{checks} checked, {failed} wrong (float64 errors below 1e-7 and float32 errors below 1e-4 are rounding)");
        return failed == 0 ? 0 : CommandRunner.ExitCodeFailure;
    }

    // The model with as many classes as the rows have; null if they are not for it.
    private static (ModelSpec Model, LabelMap Labels)? Fit(ModelSpec model, Dataset data)
    {
        if (model.IsMultiLabel != data.HasLabelSets || model.IsRanking != data.HasQueries)
            return null;
        try
        {
            LabelMap labels = model.IsMultiLabel ? LabelMap.OfClasses(data.SetLabels) : model.IsBinary ? LabelMap.ForClassification(data.Labels) : model.HasClassScores ? LabelMap.ForClasses(data.Labels) : LabelMap.Identity;
            if (!model.HasClassScores)
                return (model, labels);
            return labels.Classes.Count is >= 2 and <= ClassesMax ? (GradientCheck.Models(labels.Classes.Count).First(one => (one.Kind, one.Loss) == (model.Kind, model.Loss) && Equals(one.Network, model.Network)), labels) : null;
        }
        catch (LabelException)
        {
            return null;
        }
    }

    private static void Print(TextWriter output, GradientFinding finding, bool json)
    {
        string network = finding.Model.Network is { } layers ? $" {KindName.Of(layers.Activation)}{(layers.BatchNorm ? " norm drop" : "")}" : "";
        string loss = $"{KindName.Of(finding.Model.Kind)} {KindName.Of(finding.Model.Loss)}{network}";
        output.WriteLine(json
            ? new JsonObject
            {
                ["model"] = KindName.Of(finding.Model.Kind),
                ["loss"] = KindName.Of(finding.Model.Loss),
                ["network"] = finding.Model.Network?.ToString(),
                ["l1"] = finding.Regularizer.L1,
                ["l2"] = finding.Regularizer.L2,
                ["float64_error"] = finding.Float64Error,
                ["float32_error"] = finding.Float32Error,
                ["passes"] = finding.Passes,
            }.ToJsonString()
            : string.Create(CultureInfo.InvariantCulture, $"{loss,-40} {finding.Regularizer.Name,-12} {finding.Float64Error,10:0.0e-0} {finding.Float32Error,10:0.0e-0}{(finding.Passes ? "" : "  WRONG")}"));
    }
}
