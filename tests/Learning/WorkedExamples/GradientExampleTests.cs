using DistSgd.Learning.Diagnostics;

namespace DistSgd.Learning.Tests.WorkedExamples;

/// <summary>Small functions whose derivatives are known: what the gradient check itself is held against.</summary>
public sealed class GradientExampleTests
{
    [Fact]
    public void SumTimesZ_AtMinus2And5AndMinus4_HasTheGradientMinus4Minus4And3()
    {
        double[] differences = CentralDifferences.Gradient(at => (at[0] + at[1]) * at[2], [-2, 5, -4]);
        AssertNear([-4, -4, 3], differences, 1e-8);
    }

    [Fact]
    public void QuadraticForm_Anywhere_HasTheGradient4x1Plus3x2And2x2Plus3x1()
    {
        foreach ((double a, double b) in ((double, double)[])[(0, 0), (1, -2), (-3.5, 0.25), (7, 11)])
        {
            double[] differences = CentralDifferences.Gradient(at => 2 * at[0] * at[0] + at[1] * at[1] + 3 * at[0] * at[1] + 4, [a, b]);
            AssertNear([4 * a + 3 * b, 2 * b + 3 * a], differences, 1e-7);
        }
    }

    [Fact]
    public void SigmoidQuotient_At3AndMinus4_HasTheValueAndTheGradientThatBackPropagationGives()
    {
        const double f = 1.5456448841066441, dx = 2.0595697955721652, dy = 1.5922327514838093;
        Assert.Equal(f, Quotient([3, -4]), 1e-15);
        AssertNear([dx, dy], BackPropagated(3, -4), 1e-14);
        AssertNear([dx, dy], CentralDifferences.Gradient(Quotient, [3, -4]), 1e-8);
    }

    [Fact]
    public void AWrongGradient_IsFarFromCentralDifferences()
    {
        double[] right = CentralDifferences.Gradient(Quotient, [3, -4]);
        Assert.True(CentralDifferences.RelativeError(right, [2.0595697955721652, 1.59]) > 1e-4);
        Assert.True(CentralDifferences.RelativeError(right, [2.0595697955721652, 1.5922327514838093]) < 1e-8);
    }

    private static double Quotient(double[] at) => (at[0] + Sigmoid(at[1])) / (Sigmoid(at[0]) + (at[0] + at[1]) * (at[0] + at[1]));

    // Step by step, as a graph of operations is gone through backwards.
    private static double[] BackPropagated(double x, double y)
    {
        double sy = Sigmoid(y), numerator = x + sy, sx = Sigmoid(x), sum = x + y, denominator = sx + sum * sum;
        double dNumerator = 1 / denominator, dDenominator = -numerator / (denominator * denominator), dSum = 2 * sum * dDenominator;
        return [dNumerator + sx * (1 - sx) * dDenominator + dSum, sy * (1 - sy) * dNumerator + dSum];
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static void AssertNear(double[] expected, double[] actual, double tolerance)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], tolerance);
    }
}
