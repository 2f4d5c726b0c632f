namespace DistSgd.Kernels.Tests;

/// <summary>Random blocks of sparse rows from a seed, with row lengths 0..256 and some explicit zeros.</summary>
internal sealed class Blocks
{
    public Blocks(int seed, int rows, int features, int nonZerosMax)
    {
        var random = new Random(seed);
        var starts = new List<int> { 0 };
        var indices = new List<uint>();
        var values = new List<float>();
        for (var row = 0; row < rows; row++)
        {
            var count = random.Next(Math.Min(nonZerosMax, features) + 1);
            var keys = Enumerable.Range(0, features).OrderBy(_ => random.Next()).Take(count).Order();
            foreach (var key in keys)
            {
                indices.Add((uint)key);
                values.Add(random.Next(20) == 0 ? 0f : random.NextSingle() * 2 - 1);
            }

            starts.Add(indices.Count);
        }

        RowStarts = [.. starts];
        Indices = [.. indices];
        Values = [.. values];
        Labels = [.. Enumerable.Range(0, rows).Select(_ => random.Next(2) == 0 ? -1f : 1f)];
        Order = [.. Enumerable.Range(0, rows).OrderBy(_ => random.Next())];
        Features = features;
    }

    public int[] RowStarts { get; }

    public uint[] Indices { get; }

    public float[] Values { get; }

    public float[] Labels { get; }

    public int[] Order { get; }

    public int Features { get; }

    public SparseRows Rows => new(RowStarts, Indices, Values, Labels);

    public ReadOnlySpan<uint> IndicesOf(int row) => Indices.AsSpan(RowStarts[row]..RowStarts[row + 1]);

    public ReadOnlySpan<float> ValuesOf(int row) => Values.AsSpan(RowStarts[row]..RowStarts[row + 1]);
}

internal readonly struct Logistic : ILossDerivative
{
    public float Derivative(float score, float label) => -label * ScalarMath.Sigmoid(-label * score);
}

/// <summary>Its derivative is often exactly 0, which skips the row.</summary>
internal readonly struct Hinge : ILossDerivative
{
    public float Derivative(float score, float label) => label * score < 1f ? -label : 0f;
}
