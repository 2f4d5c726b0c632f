using System.CommandLine;
using System.Globalization;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Generators;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The command <c>generate</c>.</summary>
internal static class GenerateCommand
{
    private const int RowsMax = 1_000_000_000;

    private delegate GeneratedSet Generator(int features, long seed, long rows, IRowSink sink, CancellationToken cancellationToken);

    public static Command Build() => new("generate", "Write a data set drawn from a known truth.")
    {
        Kind("clicks", "A click log: sparse one-hot fields, two classes.", "1000000", NumberRange.Whole("--features", ClicksGenerator.FeaturesMin, ClicksGenerator.FeaturesMax),
            (features, seed, rows, sink, stop) => new ClicksGenerator((uint)features, seed).Generate(rows, sink, stop)),
        Kind("dense", "Gaussian features, two classes.", "100", NumberRange.Whole("--features", 1, DenseGenerator.FeaturesMax),
            (features, seed, rows, sink, stop) => new DenseGenerator(features, seed, LearningTask.Classification).Generate(rows, sink, stop)),
        Kind("dense-regression", "Gaussian features, real targets with noise.", "100", NumberRange.Whole("--features", 1, DenseGenerator.FeaturesMax),
            (features, seed, rows, sink, stop) => new DenseGenerator(features, seed, LearningTask.Regression).Generate(rows, sink, stop)),
    };

    private static Command Kind(string name, string description, string featuresDefault, NumberRange featuresRange, Generator generate)
    {
        ValueOption rows = Arguments.Number(NumberRange.Whole("--rows", 1, RowsMax), "Rows.", "100000");
        ValueOption features = Arguments.Number(featuresRange, "Features.", featuresDefault, "D");
        ValueOption seed = Arguments.Number(TrainingRanges.Seed, "Seed: the truth and the rows depend on it.", "1");
        ValueOption path = Arguments.FilePath("--out", "The LIBSVM text file.");
        path.Required = true;
        var command = new Command(name, description) { rows, features, seed, path };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string target = parsed.GetValue(path)!;
            OutputFile.Check(path, target);
            CommandOutput.GoOn(parsed.InvocationConfiguration.Output, $"{target} holds the rows");
            GeneratedSet? facts = null;
            OutputFile.Write(target, "generating", stream =>
            {
                using var writer = new LibsvmWriter(stream);
                facts = generate(parsed.Count(features)!.Value, parsed.Whole(seed)!.Value, parsed.Whole(rows)!.Value, writer, cancellationToken);
            });
            await parsed.InvocationConfiguration.Output.WriteLineAsync(Describe(facts!, target));
            return 0;
        });
        return command;
    }

    private static string Describe(GeneratedSet facts, string path)
    {
        string best = double.IsNaN(facts.NoiseVariance)
            ? string.Create(CultureInfo.InvariantCulture, $"best reachable loss {facts.BestLoss:F4}, accuracy {facts.BestAccuracy:F4}; {facts.PositiveRate:P1} positive")
            : string.Create(CultureInfo.InvariantCulture, $"best reachable loss {facts.BestLoss:G5} (noise variance {facts.NoiseVariance:G5})");
        return $"{Plural.Of(facts.Rows, "row")}, {Plural.Of(facts.NonZeros, "non-zero")} written to {path}; {best}";
    }
}
