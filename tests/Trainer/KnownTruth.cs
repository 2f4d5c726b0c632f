using DistSgd.Learning.Data;

namespace DistSgd.Trainer.Tests;

/// <summary>Data of differing make, drawn from a truth that is known: what the truth itself reaches on the test rows is what training is held against.</summary>
internal sealed class KnownTruth : IDisposable
{
    private const int TestRows = 10_000;

    private KnownTruth(Dataset train, Dataset test, double reached) => (Train, Test, Reached) = (train, test, reached);

    public Dataset Train { get; }

    public Dataset Test { get; }

    /// <summary>Accuracy or RMSE of the truth on the test rows.</summary>
    public double Reached { get; }

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }

    /// <summary>Gaussian features, each moved and stretched; labels drawn with probability σ(w·z + offset) of the unstretched z.</summary>
    public static KnownTruth Gaussian(int rows, int features, Func<int, (double Mean, double Scale)> column, double offset = 0)
    {
        double[] truth = Weights(features, seed: 1);
        return Of(rows, random =>
        {
            double[] z = Normals(random, features);
            double score = z.Zip(truth, (x, w) => x * w).Sum() + offset;
            float label = random.NextDouble() < 1 / (1 + Math.Exp(-score)) ? 1 : -1;
            return (label, Dense(features), [.. z.Select((x, j) => (float)(column(j).Mean + column(j).Scale * x))], score > 0 == label > 0 ? 1 : 0);
        });
    }

    /// <summary>Clouds of unit width around centres.</summary>
    public static KnownTruth Clouds(int rows, int classes, int features)
    {
        double[][] centres = [.. Enumerable.Range(0, classes).Select(one => Normals(new SeededRandom(100 + one), features))];
        return Of(rows, random =>
        {
            int label = random.Next(classes);
            double[] x = [.. Normals(random, features).Zip(centres[label], (z, centre) => z + 1.3 * centre)];
            int nearest = Enumerable.Range(0, classes).MinBy(one => x.Zip(centres[one], (a, centre) => Math.Pow(a - 1.3 * centre, 2)).Sum());
            return (label, Dense(features), [.. x.Select(value => (float)value)], nearest == label ? 1 : 0);
        });
    }

    /// <summary>Rows of length 1 of some thirty words out of many, the first the most frequent; some words speak for a class.</summary>
    public static KnownTruth Text(int rows, int words)
    {
        double[] truth = Weights(words, seed: 3);
        return Of(rows, random =>
        {
            uint[] indices = [.. Enumerable.Range(0, 30).Select(_ => (uint)(words * Math.Pow(random.NextDouble(), 3))).Distinct().Order()];
            float value = (float)(1 / Math.Sqrt(indices.Length));
            double score = 3 * indices.Sum(word => truth[word] * value);
            float label = random.NextDouble() < 1 / (1 + Math.Exp(-score)) ? 1 : -1;
            return (label, indices, [.. indices.Select(_ => value)], score > 0 == label > 0 ? 1 : 0);
        });
    }

    /// <summary>Real targets w·z + offset with noise, a part of which lies far out.</summary>
    public static KnownTruth Targets(int rows, int features, double offset, double unit, double outliers)
    {
        double[] truth = Weights(features, seed: 4);
        KnownTruth squares = Of(rows, random =>
        {
            double[] z = Normals(random, features);
            double noise = unit * random.NextGaussian() * (random.NextDouble() < outliers ? 50 : 1);
            double target = offset + unit * z.Zip(truth, (x, w) => x * w).Sum() + noise;
            return ((float)target, Dense(features), [.. z.Select(x => (float)x)], noise * noise);
        });
        return new KnownTruth(squares.Train, squares.Test, Math.Sqrt(squares.Reached));
    }

    /// <summary>sin(6x) + noise of 0.1, of powers of x in [0, 1]; what is reached is what a polynomial of that degree leaves, up to a thousandth.</summary>
    public static KnownTruth Powers(int rows, int powers)
    {
        KnownTruth squares = Of(rows, random =>
        {
            double x = random.NextDouble(), noise = 0.1 * random.NextGaussian();
            return ((float)(Math.Sin(6 * x) + noise), Dense(powers), [.. Enumerable.Range(1, powers).Select(power => (float)Math.Pow(x, power))], noise * noise);
        });
        return new KnownTruth(squares.Train, squares.Test, Math.Sqrt(squares.Reached));
    }

    /// <summary>Features that are one common number and a hundredth of their own; classes differ in what is their own.</summary>
    public static KnownTruth AlmostAlike(int rows, int features)
    {
        double[] truth = Weights(features, seed: 5);
        return Of(rows, random =>
        {
            double[] z = Normals(random, features);
            double common = random.NextGaussian(), score = z.Zip(truth, (x, w) => x * w).Sum();
            float label = random.NextDouble() < 1 / (1 + Math.Exp(-score)) ? 1 : -1;
            return (label, Dense(features), [.. z.Select(x => (float)(common + 0.01 * x))], score > 0 == label > 0 ? 1 : 0);
        });
    }

    private delegate (float Label, uint[] Indices, float[] Values, double Reached) Draw(SeededRandom random);

    private static KnownTruth Of(int rows, Draw draw)
    {
        (Dataset train, _) = Rows(rows, new SeededRandom(11), draw);
        (Dataset test, double reached) = Rows(TestRows, new SeededRandom(12), draw);
        return new KnownTruth(train, test, reached);
    }

    private static (Dataset Rows, double Reached) Rows(int count, SeededRandom random, Draw draw)
    {
        using var builder = new DatasetBuilder();
        double reached = 0;
        for (int row = 0; row < count; row++)
        {
            (float label, uint[] indices, float[] values, double one) = draw(random);
            builder.Add(label, indices, values);
            reached += one / count;
        }
        return (builder.Build(), reached);
    }

    private static uint[] Dense(int features) => [.. Enumerable.Range(0, features).Select(j => (uint)j)];

    private static double[] Weights(int count, int seed) => Normals(new SeededRandom(seed), count);

    private static double[] Normals(SeededRandom random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextGaussian())];
}
