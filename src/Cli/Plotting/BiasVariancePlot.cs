using System.Globalization;
using DistSgd.Trainer.Studies;

namespace DistSgd.Cli.Plotting;

/// <summary>Bias², variance and their sum against a model's size.</summary>
internal static class BiasVariancePlot
{
    public static SvgDrawing Draw(IReadOnlyList<BiasVariancePoint> points)
    {
        (string Name, Func<BiasVariancePoint, double> Of)[] curves = [("bias²", point => point.BiasSquared), ("variance", point => point.Variance), ("bias² + variance", point => point.BiasSquared + point.Variance)];
        Axis x = Axis.Around("size of the model (degree of the polynomial)", [.. points.Select(point => (double)point.Size)]);
        Axis y = Axis.Around("mean squared error", [.. points.SelectMany(point => curves.Select(curve => curve.Of(point)))], logIfWide: true);
        var frame = new PlotFrame("Bias and variance on noiseless truth", x, y, [.. curves.Select((curve, i) => new LegendEntry(curve.Name, Palette.Line(i), Palette.Color(i)))]);
        for (int i = 0; i < curves.Length; i++)
        {
            frame.Path(points.Select(point => ((double)point.Size, curves[i].Of(point))), Palette.Line(i));
            foreach (BiasVariancePoint point in points)
            {
                (double px, double py) = frame.At(point.Size, curves[i].Of(point));
                frame.Drawing.Circle(px, py, 3, Palette.Color(i), title: string.Create(CultureInfo.InvariantCulture, $"{curves[i].Name}: {curves[i].Of(point)} at size {point.Size}"));
            }
        }
        return frame.Drawing;
    }
}
