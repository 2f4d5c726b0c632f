using DistSgd.Kernels;
using DistSgd.Learning.Oracle;

namespace DistSgd.Learning.Tests.Oracle;

/// <summary>The oracle's scalar mathematics is right by itself, and the kernels' bits are its bits.</summary>
public sealed class OracleMathTests
{
    [Fact]
    public void Exp_RandomAndExtremeArguments_IsWithin2UlpOfTheTrueValue()
    {
        var random = new Random(1);
        for (int i = 0; i < 100_000; i++)
        {
            float x = (float)(random.NextDouble() * 174 - 86);
            double expected = Math.Exp(x);
            float actual = OracleMath.Exp(x);
            double ulp = MathF.BitIncrement((float)expected) - (double)(float)expected;
            Assert.True(Math.Abs(actual - expected) <= 2 * ulp, $"exp({x:R}) = {actual:R}, expected {expected:R}");
        }
        Assert.Equal((1f, 0f, float.PositiveInfinity), (OracleMath.Exp(0), OracleMath.Exp(-200), OracleMath.Exp(200)));
        Assert.True(float.IsNaN(OracleMath.Exp(float.NaN)));
    }

    [Fact]
    public void Sigmoid_RandomArguments_HasTheKernelsBits()
    {
        var random = new Random(2);
        for (int i = 0; i < 100_000; i++)
        {
            float x = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-4, 3)));
            Assert.True(BitConverter.SingleToInt32Bits(OracleMath.Sigmoid(x)) == BitConverter.SingleToInt32Bits(ScalarMath.Sigmoid(x)), $"sigmoid({x:R})");
        }
    }

    [Fact]
    public void Dot_RowsOfEveryLength_HasTheKernelsBits()
    {
        var random = new Random(3);
        float[] weights = [.. Enumerable.Range(0, 600).Select(_ => (float)(random.NextDouble() - 0.5))];
        for (int length = 0; length <= 256; length++)
        {
            uint[] indices = [.. Enumerable.Range(0, 600).OrderBy(_ => random.Next()).Take(length).Order().Select(j => (uint)j)];
            float[] values = [.. indices.Select(_ => (float)(random.NextDouble() - 0.5))];
            float expected = OracleMath.Dot(indices, values, key => weights[key]), actual = SparseDot.Compute(weights, indices, values);
            Assert.True(BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual), $"length {length}: {actual:R}, the oracle says {expected:R}");
        }
    }

    [Fact]
    public void Shrink_StopsAtZeroAndKeepsTheSign()
    {
        Assert.Equal((0.5f, -0.5f), (OracleMath.Shrink(1f, 0.75f, 0.25f), OracleMath.Shrink(-1f, 0.75f, 0.25f)));
        Assert.Equal((0f, 0f, 0f), (OracleMath.Shrink(0.1f, 1f, 0.2f), OracleMath.Shrink(-0.1f, 1f, 0.2f), OracleMath.Shrink(0f, 1f, 0.2f)));
    }
}
