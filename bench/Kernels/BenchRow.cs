using System.Text.Json;
using System.Text.Json.Serialization;

namespace DistSgd.Bench.Kernels;

/// <summary>One figure of a benchmark, with the limit measured beside it in the same run.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Limit">What it is compared with; empty for a limit itself.</param>
/// <param name="Ratio">Speed as a fraction of the limit's speed; 1 for a limit itself.</param>
public sealed record BenchRow(string Name, double Value, string Unit, string Limit, double Ratio);

/// <summary>A sentence among the figures.</summary>
/// <param name="Notice">The sentence.</param>
public sealed record BenchNotice(string Notice);

/// <summary>What benchmarks write as JSON.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(BenchRow))]
[JsonSerializable(typeof(BenchNotice))]
[JsonSerializable(typeof(BenchOrigin))]
public sealed partial class BenchJson : JsonSerializerContext;
