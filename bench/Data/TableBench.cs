using System.Globalization;
using DistSgd.Learning.Data;

namespace DistSgd.Bench.Data;

/// <summary>Tables for the reading of CSV: one of numbers, one in which every other column holds categories.</summary>
internal static class TableBench
{
    private const int Rows = 200_000;
    private const int Columns = 28;
    private const int Categories = 500;

    /// <summary>Writes the tables, and says what is to be measured: name, file, threads.</summary>
    public static (string Name, string Path, int Threads)[] Write(string folder)
    {
        string numbers = Write(Path.Combine(folder, "numbers.csv"), everyOther: false), mixed = Write(Path.Combine(folder, "mixed.csv"), everyOther: true);
        return [("CSV of numbers, 1 thread", numbers, 1), ("CSV of numbers, 2 threads", numbers, 2), ("CSV, half categories, 1 thread", mixed, 1), ("CSV, half categories, 2 threads", mixed, 2)];
    }

    public static void Parse(string path, int threads)
    {
        using var data = Dataset.Open(path, new ReadOptions { Threads = threads }, new CacheOptions { Mode = CacheMode.Off });
    }

    private static string Write(string path, bool everyOther)
    {
        var random = new SeededRandom(BenchOrigin.SeedOfAll);
        using var text = new StreamWriter(path);
        for (var row = 0; row < Rows; row++)
        {
            for (var column = 0; column < Columns; column++)
            {
                if (everyOther && column % 2 == 0) text.Write($"kind-{random.Next(Categories)}");
                else text.Write((random.NextGaussian() * 10).ToString("F5", CultureInfo.InvariantCulture));
                text.Write(',');
            }

            text.Write(row % 2 == 0 ? "0\n" : "1\n");
        }

        return path;
    }
}
