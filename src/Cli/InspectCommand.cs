using System.CommandLine;
using System.Globalization;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
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
        command.SetAction((parsed, cancellationToken) => Interruptible.RunAsync(
            () =>
            {
                Print(parsed.InvocationConfiguration.Output, parsed.GetValue(model)!);
                return 0;
            },
            "Interrupted while the model was read.", cancellationToken));
        return command;
    }

    private static void Print(TextWriter output, string path)
    {
        TrainedModel model = TrainedModel.Load(path);
        int first = model.IndexBase == Learning.Data.IndexBase.Zero ? 0 : 1;
        output.WriteLine($"model    {model.Spec}, {(model.Labels.IsBinary ? $"labels {model.Labels.Text(model.Labels.Negative)} and {model.Labels.Text(model.Labels.Positive)}" : model.Labels.Classes.Count > 0 ? $"{model.Labels.Classes.Count} classes: {string.Join(", ", model.Labels.Classes.Select(model.Labels.Text))}" : "real targets")}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"trained  {model.Optimizer}, l1 {model.L1:G6}, l2 {model.L2:G6}"));
        if (model.Spec.Network is null)
            PrintWeights(output, model, first);
        else
            PrintTables(output, model, first);
        if (model.Layout is not null)
            output.WriteLine($"columns  {model.Layout}");
        foreach ((string name, string value) in model.Summary)
            output.WriteLine($"{name,-15} {value}");
    }

    private static void PrintTables(TextWriter output, TrainedModel model, int first)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tensors  {model.Tables.Sum(table => table.Count):N0} parameters; {Plural.Of(model.FeatureCount, "feature")}, lowest index {first}"));
        foreach (LayoutTable table in model.Tables)
        {
            ReadOnlySpan<float> values = model.Parameters(table);
            double mean = 0, squares = 0;
            foreach (float value in values)
                (mean, squares) = (mean + value / values.Length, squares + (double)value * value / values.Length);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{table.Name,-24} {string.Join(" x ", table.Shape),12}  mean {mean,10:G4}  deviation {Math.Sqrt(Math.Max(0, squares - mean * mean)):G4}"));
        }
    }

    private static void PrintWeights(TextWriter output, TrainedModel model, int first)
    {
        ReadOnlySpan<float> weights = model.Weights;
        // The smallest of the largest so far comes out first; of equal ones the later.
        var largest = new PriorityQueue<int, (float Magnitude, int Before)>();
        int nonZeros = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0)
                continue;
            nonZeros++;
            largest.Enqueue(i, (Math.Abs(weights[i]), -i));
            if (largest.Count > WeightsShown)
                largest.Dequeue();
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"weights  {weights.Length:N0}, of which {nonZeros:N0} are not 0; bias {string.Join(" ", model.Biases.ToArray().Select(bias => bias.ToString("G6", CultureInfo.InvariantCulture)))}; lowest feature index {first}"));
        IEnumerable<int> shown = largest.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element);
        output.WriteLine($"largest  {string.Join("  ", shown.Select(i => string.Create(CultureInfo.InvariantCulture, $"{Place(model, i, first)}:{model.Weights[i]:G4}")))}");
    }

    // A feature, and where there are several scores the label of the class.
    private static string Place(TrainedModel model, int weight, int first)
    {
        int outputs = model.Spec.Outputs;
        return string.Create(CultureInfo.InvariantCulture, $"{model.Layout?.FeatureName(weight / outputs) ?? $"{weight / outputs + first}"}{(outputs == 1 ? "" : $"[{model.Labels.Text(model.Labels.Classes[weight % outputs])}]")}");
    }
}
