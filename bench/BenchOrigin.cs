using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using DistSgd.Bench.Kernels;

namespace DistSgd.Bench;

/// <summary>What figures come from, to be written above them.</summary>
/// <param name="Command">The command line that measures.</param>
/// <param name="Seed">Seed of whatever is generated; each benchmark has the same in every run.</param>
/// <param name="Processor">The processor's model.</param>
/// <param name="Cores">Logical processors that this process may use.</param>
/// <param name="Runtime">The .NET runtime.</param>
public sealed record BenchOrigin(string Command, int Seed, string Processor, int Cores, string Runtime)
{
    private const string ProcessorFacts = "/proc/cpuinfo";

    /// <summary>Seed of every benchmark.</summary>
    public const int SeedOfAll = 1;

    /// <summary>Of this process.</summary>
    /// <param name="arguments">Its command-line arguments, without the program.</param>
    public static BenchOrigin Of(IEnumerable<string> arguments) =>
        new($"distsgd {string.Join(' ', arguments)}", SeedOfAll, ProcessorModel(), Environment.ProcessorCount, RuntimeInformation.FrameworkDescription);

    /// <summary>As one line.</summary>
    /// <param name="format">For people or for programs.</param>
    public string Line(BenchFormat format) => format == BenchFormat.Json ? JsonSerializer.Serialize(this, BenchJson.Default.BenchOrigin)
        : string.Create(CultureInfo.InvariantCulture, $"{Processor}, {Cores} logical processors, {Runtime}, seed {Seed}: {Command}");

    // Where the system doesn't tell the model, the architecture has to do.
    private static string ProcessorModel()
    {
        const string name = "model name";
        string? line = File.Exists(ProcessorFacts) ? File.ReadLines(ProcessorFacts).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) : null;
        return line is null ? $"{RuntimeInformation.ProcessArchitecture} processor" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
