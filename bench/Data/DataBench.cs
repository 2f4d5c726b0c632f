using System.IO.Compression;
using DistSgd.Bench.Kernels;
using DistSgd.Learning.Data;

namespace DistSgd.Bench.Data;

/// <summary>Reading data sets against the limits of the machine: copying the file's bytes, and reading them with read(). All in turn in the same run; the shortest time counts.</summary>
public static class DataBench
{
    private const int BlockBytes = 128 << 10;
    private const string Copy = "limit: memory to memory";
    private const string ReadAll = "limit: read() into one buffer";

    /// <summary>Measures a file, or generated text shaped like imdb.</summary>
    /// <param name="path">Plain LIBSVM text; null: generated in a temporary folder, about 50 MB.</param>
    /// <param name="rounds">How often each piece of work is timed.</param>
    /// <param name="sink">Receives the figures: GB/s of text, and the ratio to read() where a limit is named.</param>
    public static void Run(string? path, int rounds, Action<BenchRow> sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        var folder = Directory.CreateTempSubdirectory("distsgd-bench-").FullName;
        try
        {
            var file = path ?? Generate(Path.Combine(folder, "imdb-like.txt"));
            Measure(file, folder, rounds, sink);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(string file, string folder, int rounds, Action<BenchRow> sink)
    {
        var bytes = File.ReadAllBytes(file);
        var copy = new byte[bytes.Length];
        var block = new byte[BlockBytes];
        var gzip = Path.Combine(folder, "data.gz");
        using (var target = new GZipStream(File.Create(gzip), CompressionLevel.Fastest)) target.Write(bytes);
        var cache = new CacheOptions { Mode = CacheMode.Require, Directory = folder };
        using (Dataset.Open(file, cache: cache))
        {
        }

        var clock = new Stopclock();
        clock.Add(Copy, () => bytes.CopyTo(copy, 0));
        clock.Add(ReadAll, () => Read(file, block));
        clock.Add("LIBSVM text, 1 thread", () => Parse(file, 1));
        clock.Add("LIBSVM text, 2 threads", () => Parse(file, 2));
        clock.Add("LIBSVM gzip", () => Parse(gzip, 2));
        clock.Add("cache, 2 threads", () =>
        {
            using var data = Dataset.Open(file, new ReadOptions { Threads = 2 }, cache);
        });
        var tables = TableBench.Write(folder);
        foreach ((string name, string path, int threads) in tables) clock.Add(name, () => TableBench.Parse(path, threads));
        clock.Run(rounds);
        foreach ((string name, string path, _) in tables) sink(new BenchRow(name, new FileInfo(path).Length / clock[name] / 1e9, "GB/s", ReadAll, new FileInfo(path).Length / clock[name] / (bytes.Length / clock[ReadAll])));
        foreach (var name in clock.Names.Except(tables.Select(table => table.Name)))
        {
            var isLimit = name is Copy or ReadAll;
            sink(new BenchRow(name, bytes.Length / clock[name] / 1e9, "GB/s", isLimit ? "" : ReadAll, isLimit ? 1 : clock[ReadAll] / clock[name]));
        }
    }

    private static void Parse(string file, int threads)
    {
        using var data = LibsvmReader.Read(file, new ReadOptions { Threads = threads });
    }

    private static void Read(string file, byte[] block)
    {
        using var handle = File.OpenHandle(file);
        long at = 0;
        for (int read; (read = RandomAccess.Read(handle, block, at)) > 0;) at += read;
    }

    private static string Generate(string path)
    {
        var rows = CompressedRows.LikeImdb(BenchOrigin.SeedOfAll);
        using var stream = File.Create(path);
        using var writer = new LibsvmWriter(stream);
        var random = new SeededRandom(BenchOrigin.SeedOfAll);
        for (var i = 0; i < rows.Labels.Length; i++)
        {
            int start = rows.RowStarts[i], length = rows.RowStarts[i + 1] - start;
            var values = new float[length];
            // Six significant digits below 1, as tf-idf weights are usually printed.
            for (var j = 0; j < length; j++) values[j] = MathF.Round((float)random.NextDouble() / 5, 6);
            writer.Add(rows.Labels[i], rows.Indices.AsSpan(start, length), values);
        }

        return path;
    }
}
