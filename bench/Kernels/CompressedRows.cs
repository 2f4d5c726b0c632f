using DistSgd.Kernels;

namespace DistSgd.Bench.Kernels;

/// <summary>A whole sparse data set in memory, rows one after the other.</summary>
/// <param name="Name">Name shown in the rows of the benchmark.</param>
/// <param name="Features">Number of features; the key after the last is the bias.</param>
/// <param name="RowStarts">One more than there are rows.</param>
/// <param name="Indices">Features of the non-zeros, unique and ascending in a row.</param>
/// <param name="Values">Values of the non-zeros.</param>
/// <param name="Labels">±1 per row.</param>
public sealed record CompressedRows(string Name, int Features, int[] RowStarts, uint[] Indices, float[] Values, float[] Labels)
{
    /// <summary>The data as the kernels take it.</summary>
    public SparseRows Rows => new(RowStarts, Indices, Values, Labels);

    /// <summary>Like a bag of words: 25,000 rows of about 136 words of 44,797, drawn by Zipf's law, numbered at random, rows of length 1.</summary>
    /// <param name="seed">Seed of the generator.</param>
    public static CompressedRows LikeImdb(int seed)
    {
        const int Words = 44_797;
        var random = new Random(seed);
        var number = Enumerable.Range(0, Words).ToArray();
        random.Shuffle(number);
        var cumulative = new double[Words];
        for (var rank = 0; rank < Words; rank++) cumulative[rank] = (rank > 0 ? cumulative[rank - 1] : 0) + 1.0 / (rank + 3);
        return Generate("imdb-like", seed, 25_000, Words, () =>
        {
            var words = new SortedSet<uint>();
            var count = random.Next(72, 200);
            while (words.Count < count)
            {
                var at = Array.BinarySearch(cumulative, random.NextDouble() * cumulative[^1]);
                words.Add((uint)number[at < 0 ? ~at : at]);
            }

            return [.. words];
        });
    }

    /// <summary>Like one-hot census records: 32,561 rows with one of the values of each of 14 attributes, 123 features in all.</summary>
    /// <param name="seed">Seed of the generator.</param>
    public static CompressedRows LikeA9a(int seed)
    {
        int[] values = [5, 8, 5, 16, 5, 7, 14, 6, 5, 2, 2, 2, 5, 41];
        var random = new Random(seed);
        return Generate("a9a-like", seed, 32_561, 123, () =>
        {
            var row = new uint[values.Length];
            for (int i = 0, first = 0; i < values.Length; first += values[i], i++)
            {
                row[i] = (uint)(first + Math.Min(random.Next(values[i]), random.Next(values[i])));
            }

            return row;
        });
    }

    /// <summary>A shuffled order of visits, within consecutive blocks of this many rows.</summary>
    /// <param name="seed">Seed of the order.</param>
    /// <param name="blockRows">Rows per block.</param>
    public int[] Shuffled(int seed, int blockRows)
    {
        var order = Enumerable.Range(0, Labels.Length).ToArray();
        var random = new Random(seed);
        for (var start = 0; start < order.Length; start += blockRows) random.Shuffle(order.AsSpan(start, Math.Min(blockRows, order.Length - start)));
        return order;
    }

    private static CompressedRows Generate(string name, int seed, int rows, int features, Func<uint[]> draw)
    {
        var random = new Random(seed + 1);
        var truth = Enumerable.Range(0, features).Select(_ => random.NextSingle() * 2 - 1).ToArray();
        var starts = new int[rows + 1];
        var indices = new List<uint>();
        var values = new List<float>();
        var labels = new float[rows];
        for (var row = 0; row < rows; row++)
        {
            var keys = draw();
            var value = 1f / MathF.Sqrt(keys.Length);
            labels[row] = keys.Sum(k => truth[k]) + random.NextSingle() > 0.5f ? 1f : -1f;
            indices.AddRange(keys);
            values.AddRange(Enumerable.Repeat(value, keys.Length));
            starts[row + 1] = indices.Count;
        }

        return new CompressedRows(name, features, starts, [.. indices], [.. values], labels);
    }
}
