using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DistSgd.Bench.Kernels;
using DistSgd.Bench.Train;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Generators;

namespace DistSgd.Cli;

/// <summary>The command <c>bench</c>.</summary>
internal static class BenchCommand
{
    private const int GeneratedRows = 30_000;
    private const int GeneratedFeatures = 20_000;

    public static Command Build()
    {
        var command = new Command("bench", "Measure, each figure beside its limit in the same run.");
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line.", Recursive = true };
        command.Add(json);
        var kernels = new Command("kernels", "The kernels beside memory, cache and read-only passes.");
        kernels.SetAction(parsed =>
        {
            KernelBench.Run(parsed.InvocationConfiguration.Output, parsed.GetValue(json) ? BenchFormat.Json : BenchFormat.Table);
            return 0;
        });
        command.Add(kernels);
        var data = new Option<string?>("--data") { Description = "Two-class rows, LIBSVM text; default: a generated click log." };
        var train = new Command("train", "Whole trainings beside a read-only pass: one thread, two, and over gRPC.") { data };
        train.SetAction((parsed, cancellationToken) => TrainAsync(parsed.GetValue(data), parsed.GetValue(json), parsed.InvocationConfiguration.Output, cancellationToken));
        command.Add(train);
        return command;
    }

    private static async Task<int> TrainAsync(string? path, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        string file = path ?? Path.Combine(Path.GetTempPath(), $"distsgd-bench-{Environment.ProcessId}.libsvm");
        try
        {
            if (path is null)
                AtomicFile.Write(file, stream => Generate(stream));
            using Dataset rows = Dataset.Open(file);
            await TrainBench.RunAsync(rows, file, path ?? "clicks", row => Print(output, row, json), cancellationToken);
            return 0;
        }
        finally
        {
            if (path is null)
                File.Delete(file);
        }
    }

    private static void Generate(Stream stream)
    {
        using var writer = new LibsvmWriter(stream);
        new ClicksGenerator(GeneratedFeatures, 1).Generate(GeneratedRows, writer);
    }

    private static void Print(TextWriter output, BenchRow row, bool json)
    {
        output.WriteLine(json ? JsonSerializer.Serialize(row, JsonSerializerOptions.Web)
            : string.Create(CultureInfo.InvariantCulture, $"{row.Name,-64} {row.Value,14:N1} {row.Unit,-12} {row.Ratio,6:F2} of {(row.Limit.Length == 0 ? "itself (a limit)" : row.Limit)}"));
        output.Flush();
    }
}
