using System.Globalization;

namespace DistSgd.Cli.Plotting;

/// <summary>A point of two classes.</summary>
/// <param name="X">First feature.</param>
/// <param name="Y">Second feature.</param>
/// <param name="Sign">−1 or +1.</param>
internal readonly record struct ClassPoint(double X, double Y, int Sign);

/// <summary>A linear classifier of two features: f(x, y) = a·x + b·y + c.</summary>
internal readonly record struct PlaneScore(double A, double B, double C)
{
    public double this[double x, double y] => A * x + B * y + C;
}

/// <summary>An SVM on two features: points, the line f = 0, the margins f = ±1, and the support vectors, the points on or within the margin.</summary>
internal static class MarginPlot
{
    /// <summary>What training leaves between a point and the margin that it lies on.</summary>
    public const double Slack = 0.02;

    private static readonly string[] Colors = [Palette.Color(0), Palette.Color(1)];

    public static SvgDrawing Draw(IReadOnlyList<ClassPoint> points, PlaneScore score, string negative, string positive)
    {
        Axis x = Axis.Around("feature 1", [.. points.Select(point => point.X)]), y = Axis.Around("feature 2", [.. points.Select(point => point.Y)]);
        var line = new Stroke(Palette.Ink);
        var margin = new Stroke(Palette.Soft, "6 4", 1.3);
        int supports = points.Count(point => IsSupport(point, score));
        string title = string.Create(CultureInfo.InvariantCulture, $"SVM: margin 2/‖w‖ = {2 / Math.Sqrt(score.A * score.A + score.B * score.B):G4}, {supports} support vectors of {points.Count} points");
        LegendEntry[] legend =
        [
            new($"label {negative}", Dot: Colors[0]), new($"label {positive}") { Diamond = Colors[1] }, new("support vector") { Ring = Palette.Ink },
            new("w·x + b = 0", line), new("w·x + b = ±1", margin),
        ];
        var frame = new PlotFrame(title, x, y, legend, wide: 480, high: 440);
        frame.Path(Level(score, 0, x, y), line);
        frame.Path(Level(score, 1, x, y), margin);
        frame.Path(Level(score, -1, x, y), margin);
        foreach (ClassPoint point in points)
            Draw(frame, point, score);
        return frame.Drawing;
    }

    public static bool IsSupport(ClassPoint point, PlaneScore score) => point.Sign * score[point.X, point.Y] <= 1 + Slack;

    private static void Draw(PlotFrame frame, ClassPoint point, PlaneScore score)
    {
        (double x, double y) = frame.At(point.X, point.Y);
        string title = string.Create(CultureInfo.InvariantCulture, $"({point.X}, {point.Y}): score {score[point.X, point.Y]:G4}");
        if (point.Sign < 0)
            frame.Drawing.Circle(x, y, 3.6, Colors[0], title: title);
        else
            frame.Drawing.Diamond(x, y, 3.6, Colors[1], title);
        if (IsSupport(point, score))
            frame.Drawing.Circle(x, y, 7.5, "none", new Stroke(Palette.Ink, Width: 1.4));
    }

    // Two points of the line f = level, at opposite sides of the frame.
    private static (double X, double Y)[] Level(PlaneScore score, double level, Axis x, Axis y) => Math.Abs(score.B) > Math.Abs(score.A)
        ? [(x.Low, (level - score.C - score.A * x.Low) / score.B), (x.High, (level - score.C - score.A * x.High) / score.B)]
        : [((level - score.C - score.B * y.Low) / score.A, y.Low), ((level - score.C - score.B * y.High) / score.A, y.High)];
}
