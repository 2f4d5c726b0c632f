using System.Globalization;
using System.Text.Json;
using DistSgd.Kernels;

namespace DistSgd.Bench.Kernels;

/// <summary>
/// The kernels against their limits: training runs over generated data shaped like imdb and a9a, whole-array kernels in memory
/// and in cache. Every figure is the shortest of many interleaved repetitions; cycles come from a chain of dependent additions
/// timed in the same rounds, so figures of different machines can be compared.
/// </summary>
public static class KernelBench
{
    private const int SparseRounds = 12;
    private const int DenseRounds = 12;
    private const int MatrixRounds = 60;

    /// <summary>Measures everything; about ten seconds.</summary>
    /// <param name="sink">Receives each figure as soon as its group is done.</param>
    /// <param name="notice">Receives sentences: what could not be measured, and why.</param>
    public static void Run(Action<BenchRow> sink, Action<string> notice)
    {
        ArgumentNullException.ThrowIfNull(sink);
        MatrixBench.Run(MatrixRounds, sink, notice);
        SparseBench.Run(CompressedRows.LikeImdb(BenchOrigin.SeedOfAll), SparseRounds, sink);
        SparseBench.Run(CompressedRows.LikeA9a(BenchOrigin.SeedOfAll), 3 * SparseRounds, sink);
        DenseBench.Run(DenseRounds, sink);
    }

    /// <summary>Measures everything and writes a table, or one JSON object a line.</summary>
    /// <param name="output">Receives the text.</param>
    /// <param name="format">How the figures are written.</param>
    public static void Run(TextWriter output, BenchFormat format)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (format == BenchFormat.Table) output.WriteLine($"kernels in their {KernelForms.Best} form; ratio = speed as a fraction of the limit's");
        Run(
            row => output.WriteLine(format == BenchFormat.Json ? JsonSerializer.Serialize(row, BenchJson.Default.BenchRow) : Line(row)),
            notice => output.WriteLine(format == BenchFormat.Json ? JsonSerializer.Serialize(new BenchNotice(notice), BenchJson.Default.BenchNotice) : notice));
    }

    private static string Line(BenchRow row) =>
        string.Create(CultureInfo.InvariantCulture, $"{row.Name,-62} {row.Value,8:F2} {row.Unit,-16} {row.Ratio,5:F2} of {(row.Limit.Length == 0 ? "itself (a limit)" : row.Limit)}");
}

/// <summary>How figures are written.</summary>
public enum BenchFormat
{
    /// <summary>Aligned text for people.</summary>
    Table,

    /// <summary>One JSON object a line for programs.</summary>
    Json,
}
