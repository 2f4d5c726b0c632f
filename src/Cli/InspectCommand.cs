using System.CommandLine;
using System.Globalization;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The command <c>inspect</c>.</summary>
internal static class InspectCommand
{
    private const int WeightsShown = 10;

    public static Command Build()
    {
        var model = new Argument<string>("MODEL") { Description = "The model file." };
        var command = new Command("inspect", "Show what a model file holds.") { model };
        command.SetAction(parsed =>
        {
            Print(parsed.InvocationConfiguration.Output, parsed.GetValue(model)!);
            return 0;
        });
        return command;
    }

    private static void Print(TextWriter output, string path)
    {
        TrainedModel model = TrainedModel.Load(path);
        float[] weights = model.Weights.ToArray();
        int first = model.IndexBase == Learning.Data.IndexBase.Zero ? 0 : 1;
        output.WriteLine($"model    {model.Kind.ToString().ToLowerInvariant()}, {(model.Labels.IsBinary ? $"labels {model.Labels.Negative} and {model.Labels.Positive}" : "real targets")}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"weights  {weights.Length:N0}, of which {weights.Count(w => w != 0):N0} are not 0; bias {model.Bias:G6}; lowest feature index {first}"));
        int[] largest = [.. Enumerable.Range(0, weights.Length).OrderByDescending(i => Math.Abs(weights[i])).Take(WeightsShown).Where(i => weights[i] != 0)];
        output.WriteLine($"largest  {string.Join("  ", largest.Select(i => string.Create(CultureInfo.InvariantCulture, $"{i + first}:{weights[i]:G4}")))}");
        foreach ((string name, string value) in model.Summary)
            output.WriteLine($"{name,-15} {value}");
    }
}
