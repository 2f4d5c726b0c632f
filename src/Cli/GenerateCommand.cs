using System.CommandLine;
using System.Globalization;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Generators;

namespace DistSgd.Cli;

/// <summary>The command <c>generate</c>.</summary>
internal static class GenerateCommand
{
    public static Command Build()
    {
        var command = new Command("generate", "Write a data set drawn from a known truth.");
        command.Add(Kind("clicks", "A click log: sparse one-hot fields, two classes.", (1_000_000, 64), (features, seed, rows, sink) => new ClicksGenerator((uint)features, seed).Generate(rows, sink)));
        command.Add(Kind("dense", "Gaussian features, two classes.", (100, 1), (features, seed, rows, sink) => new DenseGenerator(features, seed, LearningTask.Classification).Generate(rows, sink)));
        command.Add(Kind("dense-regression", "Gaussian features, real targets with noise.", (100, 1), (features, seed, rows, sink) => new DenseGenerator(features, seed, LearningTask.Regression).Generate(rows, sink)));
        return command;
    }

    private static Command Kind(string name, string description, (int Default, int Min) bounds, Func<int, long, long, IRowSink, GeneratedSet> generate)
    {
        var rows = Arguments.Text("--rows", "Rows.", "100000", "N");
        var features = Arguments.Text("--features", "Features.", bounds.Default.ToString(CultureInfo.InvariantCulture), "D");
        var seed = Arguments.Text("--seed", "Seed: the truth and the rows depend on it.", "1", "N");
        var path = new Option<string>("--out") { Description = "The LIBSVM text file.", Required = true };
        var command = new Command(name, description) { rows, features, seed, path };
        command.SetAction(parsed =>
        {
            if (parsed.Whole(rows) < 1)
                throw new UsageException($"--rows is {parsed.GetValue(rows)}; expected at least 1.");
            if (parsed.Count(features) < bounds.Min)
                throw new UsageException($"--features is {parsed.GetValue(features)}; expected at least {bounds.Min}.");
            OutputFile.Check(parsed.GetValue(path)!);
            GeneratedSet? facts = null;
            AtomicFile.Write(parsed.GetValue(path)!, stream =>
            {
                using var writer = new LibsvmWriter(stream);
                facts = generate(parsed.Count(features)!.Value, parsed.Whole(seed)!.Value, parsed.Whole(rows)!.Value, writer);
            });
            parsed.InvocationConfiguration.Output.WriteLine(Describe(facts!, parsed.GetValue(path)!));
            return 0;
        });
        return command;
    }

    private static string Describe(GeneratedSet facts, string path)
    {
        string best = double.IsNaN(facts.NoiseVariance)
            ? string.Create(CultureInfo.InvariantCulture, $"best reachable loss {facts.BestLoss:F4}, accuracy {facts.BestAccuracy:F4}; {facts.PositiveRate:P1} positive")
            : string.Create(CultureInfo.InvariantCulture, $"best reachable loss {facts.BestLoss:G5} (noise variance {facts.NoiseVariance:G5})");
        return string.Create(CultureInfo.InvariantCulture, $"{facts.Rows:N0} rows, {facts.NonZeros:N0} non-zeros written to {path}; {best}");
    }
}
