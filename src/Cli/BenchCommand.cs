using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DistSgd.Bench;
using DistSgd.Bench.Data;
using DistSgd.Bench.Kernels;
using DistSgd.Bench.Train;
using DistSgd.Bench.Wire;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Generators;
using DistSgd.Shared.CommandLine;

namespace DistSgd.Cli;

/// <summary>The command <c>bench</c>.</summary>
internal static class BenchCommand
{
    private const string WireServer = "wire-server";
    private const string Interrupted = "Interrupted while measuring.";
    private const int DataRounds = 10;
    private const int GeneratedRows = 30_000;
    private const int GeneratedFeatures = 20_000;

    public static Command Build()
    {
        var command = new Command("bench", "Measure, each figure beside its limit in the same run.");
        Option<bool> json = Arguments.Flag("--json", "Print one JSON object a line.");
        json.Recursive = true;
        command.Add(json);
        var kernels = new Command("kernels", "The kernels beside memory, cache and read-only passes.");
        Measures(kernels, (parsed, format, stop) => MeasureAsync(() => KernelBench.Run(parsed.InvocationConfiguration.Output, format), stop));
        command.Add(kernels);
        ValueOption part = Arguments.Choice("--part", "Measure this part only; default: all.", WireBench.Parts);
        var wire = new Command("wire", "gRPC over the loopback beside raw sockets, in two processes.") { part };
        Measures(wire, (parsed, format, stop) => Interruptible.RunAsync(() => WireAsync(parsed.GetValue(part), format, parsed.InvocationConfiguration.Output), Interrupted, stop));
        command.Add(wire);
        ValueOption seconds = Arguments.Number(NumberRange.Whole("--seconds", 1, 86_400), "How long, on streams and again with calls.", "300");
        var soak = new Command("soak", "The memory of a server that floods of pushes and calls, slow readers and mute readers work on, beside its bound.") { seconds };
        Measures(soak, (parsed, format, stop) => Interruptible.RunAsync(() => SoakAsync(parsed.Seconds(seconds)!.Value, format, parsed.InvocationConfiguration), Interrupted, stop));
        command.Add(soak);
        var wireServer = new Command(WireServer, "The other process of bench wire.") { Hidden = true };
        wireServer.SetAction((parsed, _) => WireBenchServer.RunAsync(parsed.InvocationConfiguration.Output, Console.In));
        command.Add(wireServer);
        ValueOption text = Arguments.FilePath("--data", "LIBSVM text; default: a generated set like imdb.");
        var reading = new Command("data", "Reading LIBSVM text beside memory and the operating system's read.") { text };
        Measures(reading, (parsed, format, stop) => MeasureAsync(
            () => DataBench.Run(parsed.GetValue(text), DataRounds, row => PrintUnlessStopped(parsed, row, format, stop)), stop));
        command.Add(reading);
        ValueOption data = Arguments.FilePath("--data", "Two-class rows, LIBSVM text; default: a generated click log.");
        var train = new Command("train", "Whole trainings beside a read-only pass: one thread, two, and over gRPC.") { data };
        Measures(train, (parsed, format, cancellationToken) => TrainAsync(parsed.GetValue(data), format, parsed.InvocationConfiguration.Output, cancellationToken));
        command.Add(train);
        ValueOption classes = Arguments.FilePath("--data", "Rows of several classes; default: generated ones of 784 features, half of them 0.");
        var mlp = new Command("mlp", "Whole training steps of an MLP beside the FMA peak of one core: one thread and two.") { classes };
        Measures(mlp, async (parsed, format, cancellationToken) =>
        {
            using Dataset rows = parsed.GetValue(classes) is { } file ? Dataset.Open(file) : MlpBench.Generate();
            await MlpBench.RunAsync(rows, row => Print(parsed.InvocationConfiguration.Output, row, format), cancellationToken);
            return 0;
        });
        command.Add(mlp);
        return command;

        // Above the figures stands what they come from.
        void Measures(Command bench, Func<ParseResult, BenchFormat, CancellationToken, Task<int>> measure) => bench.SetAction(async (parsed, stop) =>
        {
            BenchFormat format = parsed.GetValue(json) ? BenchFormat.Json : BenchFormat.Table;
            await parsed.InvocationConfiguration.Output.WriteLineAsync(BenchOrigin.Of(parsed.Tokens.Select(token => token.Value)).Line(format));
            return await measure(parsed, format, stop);
        });
    }

    private static Task<int> MeasureAsync(Action measure, CancellationToken cancellationToken) => Interruptible.RunAsync(
        () =>
        {
            measure();
            return 0;
        },
        Interrupted, cancellationToken);

    // A bench that is interrupted gives up at its next figure, and removes what it wrote.
    private static void PrintUnlessStopped(ParseResult parsed, BenchRow row, BenchFormat format, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        Print(parsed.InvocationConfiguration.Output, row, format);
    }

    // This program again: by its own file, or by the runtime's and the file that the runtime was given.
    private static ProcessStartInfo ServerProcess() =>
        new(Environment.ProcessPath!, Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0], "bench", WireServer] : ["bench", WireServer]);

    private static async Task<int> WireAsync(string? part, BenchFormat format, TextWriter output)
    {
        await WireBench.RunAsync(output, format, part?.ToLowerInvariant(), ServerProcess());
        return 0;
    }

    private static async Task<int> SoakAsync(TimeSpan atLeast, BenchFormat format, InvocationConfiguration console)
    {
        try
        {
            await WireBench.SoakAsync(console.Output, format, ServerProcess(), atLeast, pushesMin: 1);
            return 0;
        }
        catch (InvalidOperationException beyond)
        {
            await console.Error.WriteLineAsync(beyond.Message);
            return 1;
        }
    }

    private static async Task<int> TrainAsync(string? path, BenchFormat format, TextWriter output, CancellationToken cancellationToken)
    {
        string file = path ?? Path.Combine(Path.GetTempPath(), $"distsgd-bench-{Environment.ProcessId}.libsvm");
        try
        {
            if (path is null)
                AtomicFile.Write(file, stream => Generate(stream));
            using Dataset rows = Dataset.Open(file);
            await TrainBench.RunAsync(rows, file, path ?? "clicks", row => Print(output, row, format), cancellationToken);
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
        new ClicksGenerator(GeneratedFeatures, BenchOrigin.SeedOfAll).Generate(GeneratedRows, writer);
    }

    private static void Print(TextWriter output, BenchRow row, BenchFormat format)
    {
        output.WriteLine(format == BenchFormat.Json ? JsonSerializer.Serialize(row, BenchJson.Default.BenchRow)
            : string.Create(CultureInfo.InvariantCulture, $"{row.Name,-64} {row.Value,14:N1} {row.Unit,-12} {row.Ratio,6:F2} of {(row.Limit.Length == 0 ? "itself (a limit)" : row.Limit)}"));
        output.Flush();
    }
}
