namespace DistSgd.Learning.Diagnostics;

/// <summary>Derivatives from values only, to hold gradients against: (f(x+h) − f(x−h)) / 2h in each coordinate, off by O(h²) and by rounding, O(ε/h). Pure; any thread.</summary>
public static class CentralDifferences
{
    /// <summary>The step that balances both errors for functions of about unit scale in float64.</summary>
    public const double UsualStep = 1e-6;

    /// <summary>The gradient of a function.</summary>
    /// <param name="function">f; it is asked twice a coordinate.</param>
    /// <param name="point">x; moved and put back while the function is asked.</param>
    /// <param name="step">h, positive.</param>
    public static double[] Gradient(Func<double[], double> function, double[] point, double step = UsualStep)
    {
        var gradient = new double[point.Length];
        for (int i = 0; i < point.Length; i++)
        {
            double kept = point[i];
            // What was asked for and what float64 holds differ: the difference of the two points is what is divided by.
            double above = kept + step, below = kept - step;
            point[i] = above;
            double high = function(point);
            point[i] = below;
            gradient[i] = (high - function(point)) / (above - below);
            point[i] = kept;
        }
        return gradient;
    }

    /// <summary>‖a − b‖ / max(‖a‖, ‖b‖), 0 where both are 0.</summary>
    /// <param name="a">A vector.</param>
    /// <param name="b">As long.</param>
    public static double RelativeError(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double difference = 0, first = 0, second = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += (a[i] - b[i]) * (a[i] - b[i]);
            first += a[i] * a[i];
            second += b[i] * b[i];
        }
        return difference == 0 ? 0 : Math.Sqrt(difference / Math.Max(first, second));
    }
}
