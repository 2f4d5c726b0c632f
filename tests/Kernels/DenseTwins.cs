namespace DistSgd.Kernels.Tests;

/// <summary>The documented order of dense sums, spelled out.</summary>
internal static class DenseTwins
{
    public static float Sum(int length, Func<int, float, float> add)
    {
        var p = new float[64];
        for (var i = 0; i < (length + 63) / 64 * 64; i++) p[i % 64] = add(i, p[i % 64]);
        foreach (var h in new[] { 32, 16, 8, 4, 2, 1 })
        {
            for (var j = 0; j < h; j++) p[j] = p[j] + p[j + h];
        }

        return p[0];
    }

    public static float Dot(float[] x, float[] y) =>
        Sum(x.Length, (i, p) => i < x.Length ? MathF.FusedMultiplyAdd(x[i], y[i], p) : p + 0f);

    public static float SumOfMagnitudes(float[] x) =>
        Sum(x.Length, (i, p) => i < x.Length ? p + MathF.Abs(x[i]) : p + 0f);
}
