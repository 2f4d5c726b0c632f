namespace DistSgd.Kernels.Tests;

/// <summary>The documented arithmetic on one sparse row, spelled out.</summary>
internal static class SparseTwins
{
    public static float Dot(ReadOnlySpan<float> weights, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, int stride = 1)
    {
        var a = new float[4];
        for (var i = 0; i < indices.Length; i++)
        {
            a[i % 4] = MathF.FusedMultiplyAdd(weights[stride * (int)indices[i]], values[i], a[i % 4]);
        }

        return (a[0] + a[1]) + (a[2] + a[3]);
    }

    public static void Axpy(float a, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values, Span<float> weights)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            weights[(int)indices[i]] = MathF.FusedMultiplyAdd(a, values[i], weights[(int)indices[i]]);
        }
    }
}
