using System.Globalization;
using DistSgd.Learning.Diagnostics;

namespace DistSgd.Cli.Plotting;

/// <summary>The paths of update rules over the contours of a quadratic that is steep one way and flat the other.</summary>
internal static class OptimizerPlot
{
    private const int ContourPoints = 120;

    private static readonly double[] Heights = [0.05, 0.25, 0.75, 1.75, 3.5, 6, 10, 16];

    public static SvgDrawing Draw(IReadOnlyList<RulePath> paths)
    {
        Axis x = Axis.Between("x (flat)", -9, 3.5), y = Axis.Between("y (steep)", -2.8, 2.8);
        LegendEntry[] legend =
        [
            .. paths.Select((path, i) => new LegendEntry(string.Create(CultureInfo.InvariantCulture, $"{path.Name}, η = {path.Rate:G3}"), Palette.Line(i))),
            new("start", Dot: Palette.Ink),
            new("minimum", Dot: null) { Ring = Palette.Ink },
        ];
        string title = string.Create(CultureInfo.InvariantCulture, $"{QuadraticPaths.Steps} steps on ½({QuadraticPaths.Flat}x² + {QuadraticPaths.Steep}y²), each rule at its best rate");
        var frame = new PlotFrame(title, x, y, legend, wide: 660, high: 440);
        foreach (double height in Heights)
            frame.Path(Contour(height), new Stroke("#bbbbbb", Width: 1));
        for (int i = 0; i < paths.Count; i++)
            Draw(frame, paths[i], i);
        (double sx, double sy) = frame.At(QuadraticPaths.Start.X, QuadraticPaths.Start.Y);
        frame.Drawing.Circle(sx, sy, 4.5, Palette.Ink, title: "start");
        (double mx, double my) = frame.At(0, 0);
        frame.Drawing.Circle(mx, my, 7, "none", new Stroke(Palette.Ink, Width: 1.4), "minimum");
        return frame.Drawing;
    }

    private static void Draw(PlotFrame frame, RulePath path, int number)
    {
        frame.Path(path.Points.Select(point => ((double)point.X, (double)point.Y)), Palette.Line(number));
        for (int step = 1; step < path.Points.Count; step++)
        {
            (float x, float y) = path.Points[step];
            if (!frame.Holds(x, y))
                continue;
            (double px, double py) = frame.At(x, y);
            frame.Drawing.Circle(px, py, 1.7, Palette.Color(number), title: string.Create(CultureInfo.InvariantCulture, $"{path.Name}, step {step}: ({x}, {y})"));
        }
    }

    private static IEnumerable<(double X, double Y)> Contour(double height)
    {
        double a = Math.Sqrt(2 * height / QuadraticPaths.Flat), b = Math.Sqrt(2 * height / QuadraticPaths.Steep);
        return Enumerable.Range(0, ContourPoints + 1).Select(i => (a * Math.Cos(2 * Math.PI * i / ContourPoints), b * Math.Sin(2 * Math.PI * i / ContourPoints)));
    }
}
