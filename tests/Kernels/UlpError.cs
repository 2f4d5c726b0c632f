namespace DistSgd.Kernels.Tests;

/// <summary>Distance of a float32 from the true value, in units of the last place of the true value.</summary>
internal static class UlpError
{
    /// <summary>0 where both are the same special value; infinity where only one is special.</summary>
    public static double Of(float actual, double truth)
    {
        var rounded = (float)truth;
        if (float.IsNaN(actual) || float.IsNaN(rounded)) return float.IsNaN(actual) && float.IsNaN(rounded) ? 0 : double.PositiveInfinity;
        if (float.IsInfinity(actual) || float.IsInfinity(rounded)) return actual == rounded ? 0 : double.PositiveInfinity;
        var exponent = truth == 0 ? -126 : Math.Max(-126, Math.ILogB(truth));
        return Math.Abs(actual - truth) / Math.ScaleB(1.0, exponent - 23);
    }

    /// <summary>ln(1 + x) in float64, by Kahan's correction of the rounding of 1 + x.</summary>
    public static double Log1p(double x)
    {
        var u = 1 + x;
        if (u == 1) return x;
        return double.IsInfinity(u) || !(u > 0) ? Math.Log(u) : Math.Log(u) * (x / (u - 1));
    }

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
