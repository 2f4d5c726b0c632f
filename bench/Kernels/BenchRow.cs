namespace DistSgd.Bench.Kernels;

/// <summary>One figure of a benchmark, with the limit measured beside it in the same run.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Limit">What it is compared with; empty for a limit itself.</param>
/// <param name="Ratio">Speed as a fraction of the limit's speed; 1 for a limit itself.</param>
public sealed record BenchRow(string Name, double Value, string Unit, string Limit, double Ratio);
