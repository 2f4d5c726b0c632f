using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests;

/// <summary>Small random sparse data sets.</summary>
internal static class RandomData
{
    public static Dataset Build(int rows, int features, double density, int seed, Func<Random, float>? label = null)
    {
        var random = new Random(seed);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, features).Where(_ => random.NextDouble() < density).Select(j => (uint)j)];
            builder.Add(label?.Invoke(random) ?? random.Next(2) * 2 - 1, indices, [.. indices.Select(_ => (float)(random.NextDouble() * 4 - 1))]);
        }
        return builder.Build();
    }
}
