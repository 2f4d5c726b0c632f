using DistSgd.Learning.Data;

namespace DistSgd.Trainer.Tests;

/// <summary>Small random sparse data sets whose labels follow a hidden linear model with noise.</summary>
internal static class RandomRows
{
    public static Dataset Build(int rows, int features, double density, int seed, bool regression = false, int classes = 0)
    {
        var random = new Random(seed);
        float[] hidden = [.. Enumerable.Range(0, features).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            // The last feature is always there, so that the number of features doesn't depend on the draw; some rows have nothing else.
            uint[] indices = [.. Enumerable.Range(0, features).Where(j => j == features - 1 ? row == 0 || random.Next(4) == 0 : random.NextDouble() < density).Select(j => (uint)j)];
            float[] values = [.. indices.Select(_ => (float)(random.NextDouble() * 2 - 0.7))];
            double score = indices.Zip(values, (j, x) => hidden[j] * x).Sum() + 0.2 + 0.1 * (random.NextDouble() - 0.5);
            float label = classes > 0 ? 1 + 2 * (float)Math.Clamp(Math.Floor((score + 1) / 2 * classes), 0, classes - 1) : regression ? (float)score : score > 0 ? 1f : -1f;
            builder.Add(label, indices, values);
        }
        return builder.Build();
    }

    public static Dataset SortedByLabel(Dataset data)
    {
        using var builder = new DatasetBuilder();
        foreach (long row in Enumerable.Range(0, (int)data.RowCount).Select(row => (long)row).OrderBy(row => data.Row(row).Label))
            builder.Add(data.Row(row).Label, data.Row(row).Indices, data.Row(row).Values);
        return builder.Build();
    }
}
