namespace DistSgd.Learning.Data;

/// <summary>Double-precision exp, log, sine and cosine from IEEE operations alone, so that what is generated from a seed is the same on every machine. Accurate to a few units in the last place.</summary>
internal static class PortableMath
{
    private const double Ln2 = 0.693147180559945309417;
    private const double Ln2High = 6.93147180369123816490e-01; // its last 32 bits are 0, so that k·Ln2High is exact
    private const double Ln2Low = 1.90821492927058770002e-10;

    /// <summary>eˣ for |x| ≤ 700.</summary>
    public static double Exp(double x)
    {
        double k = Math.Round(x / Ln2);
        double r = x - (k * Ln2High) - (k * Ln2Low);
        double sum = 1;
        for (int i = 14; i >= 1; i--) sum = 1 + (sum * r / i);
        return sum * BitConverter.Int64BitsToDouble(((long)k + 1023) << 52);
    }

    /// <summary>Natural logarithm of a positive normal number: ln m + e·ln 2 with m in [√½, √2), ln m = 2·artanh((m−1)/(m+1)).</summary>
    public static double Log(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)(bits >> 52) - 1023;
        double m = BitConverter.Int64BitsToDouble((bits & ((1L << 52) - 1)) | (1023L << 52));
        if (m > 1.4142135623730951)
        {
            m *= 0.5;
            exponent++;
        }
        double s = (m - 1) / (m + 1);
        double square = s * s;
        double sum = 0;
        for (int i = 23; i >= 3; i -= 2) sum = (sum + (1.0 / i)) * square;
        return (exponent * Ln2High) + ((2 * s * (1 + sum)) + (exponent * Ln2Low));
    }

    /// <summary>Cosine for |x| ≤ π, by its series.</summary>
    public static double Cos(double x)
    {
        double sum = 1;
        for (int i = 28; i >= 2; i -= 2) sum = 1 - (sum * x * x / (i * (i - 1)));
        return sum;
    }

    /// <summary>Sine for |x| ≤ π, by its series.</summary>
    public static double Sin(double x)
    {
        double sum = 1;
        for (int i = 29; i >= 3; i -= 2) sum = 1 - (sum * x * x / (i * (i - 1)));
        return sum * x;
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    public static double Sigmoid(double x) => 1 / (1 + Exp(-Math.Clamp(x, -700, 700)));
}
