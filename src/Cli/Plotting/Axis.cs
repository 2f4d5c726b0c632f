using System.Globalization;

namespace DistSgd.Cli.Plotting;

/// <summary>From numbers to places between 0 and 1, with ticks at round numbers. Immutable.</summary>
internal sealed class Axis
{
    // Beyond this ratio of the largest to the least, equal steps would hide the small ones.
    private const double LogRatio = 30;
    private const int TicksWanted = 6;

    private Axis(string label, double low, double high, bool isLog)
    {
        Label = label;
        (Low, High, IsLog) = (low, high, isLog);
        Ticks = isLog ? LogTicks(low, high) : LinearTicks(low, high);
    }

    public string Label { get; }

    public double Low { get; }

    public double High { get; }

    public bool IsLog { get; }

    public IReadOnlyList<double> Ticks { get; }

    /// <summary>An axis that holds all values with a little air; in powers of ten if they are positive and far apart, where that is wanted.</summary>
    public static Axis Around(string label, IReadOnlyCollection<double> values, bool logIfWide = false)
    {
        double low = values.Min(), high = values.Max();
        if (logIfWide && low > 0 && high / low > LogRatio)
        {
            double factor = Math.Pow(high / low, 0.04);
            return new Axis(label, low / factor, high * factor, isLog: true);
        }
        double air = high > low ? 0.04 * (high - low) : Math.Max(Math.Abs(low) * 0.1, 1e-12);
        // What begins at 0 is shown from 0.
        return new Axis(label, low >= 0 && low < 0.25 * high ? 0 : low - air, high + air, isLog: false);
    }

    /// <summary>An axis from one number to another.</summary>
    public static Axis Between(string label, double low, double high) => new(label, low, high, isLog: false);

    /// <summary>0 at <see cref="Low"/>, 1 at <see cref="High"/>.</summary>
    public double Place(double value) => IsLog ? Math.Log(value / Low) / Math.Log(High / Low) : (value - Low) / (High - Low);

    /// <summary>A number as ticks show it: 20k, 1.5M, 0.05.</summary>
    public static string Show(double value)
    {
        (double unit, string suffix) = Math.Abs(value) switch
        {
            >= 1e9 => (1e9, "G"),
            >= 1e6 => (1e6, "M"),
            >= 1e4 => (1e3, "k"),
            _ => (1, ""),
        };
        return $"{(value / unit).ToString(Math.Abs(value) is > 0 and < 1e-3 ? "0.##e+0" : "0.######", CultureInfo.InvariantCulture)}{suffix}";
    }

    private static double[] LinearTicks(double low, double high)
    {
        double rough = (high - low) / TicksWanted, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * (rough / power) switch
        {
            < 1.5 => 1,
            < 3.5 => 2,
            < 7.5 => 5,
            _ => 10,
        };
        long first = (long)Math.Ceiling(low / step - 1e-9), last = (long)Math.Floor(high / step + 1e-9);
        // Multiples by decimal arithmetic, so that 3 times 0.1 is 0.3.
        return [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => step < 1 ? (first + i) / Math.Round(1 / step, 12) : (first + i) * step)];
    }

    private static double[] LogTicks(double low, double high)
    {
        int first = (int)Math.Floor(Math.Log10(low)), last = (int)Math.Ceiling(Math.Log10(high));
        double[] within = last - first <= 3 ? [1, 2, 5] : [1];
        int every = Math.Max(1, (last - first) / 8);
        return
        [
            .. from exponent in Enumerable.Range(first, last - first + 1)
               where (exponent - first) % every == 0
               from factor in within
               let value = factor * Math.Pow(10, exponent)
               where value >= low && value <= high
               select value,
        ];
    }
}
