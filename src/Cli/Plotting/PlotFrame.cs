namespace DistSgd.Cli.Plotting;

/// <summary>A line of the legend.</summary>
/// <param name="Label">What it stands for.</param>
/// <param name="Line">Its stroke; null: none.</param>
/// <param name="Dot">Colour of its disc; null: none.</param>
internal sealed record LegendEntry(string Label, Stroke? Line = null, string? Dot = null)
{
    /// <summary>Colour of a diamond; null: none.</summary>
    public string? Diamond { get; init; }

    /// <summary>Colour of a ring; null: none.</summary>
    public string? Ring { get; init; }
}

/// <summary>A drawing with a title, two axes, a frame between them, and a legend to the right of it.</summary>
internal sealed class PlotFrame
{
    private const double TextSize = 13;
    private const double SmallSize = 12;
    private const double Top = 44;
    private const double Left = 76;
    private const double Bottom = 58;
    private const double Gap = 18;
    private const double KeyWidth = 30;
    private const double RowHeight = 20;
    private const int LegendCharactersMax = 34;

    private readonly double _wide;
    private readonly double _high;

    /// <summary>Draws all that isn't data.</summary>
    public PlotFrame(string title, Axis x, Axis y, IReadOnlyList<LegendEntry> legend, double wide = 560, double high = 380)
    {
        (X, Y) = (x, y);
        (_wide, _high) = (wide, high);
        double legendWidth = legend.Count == 0 ? 0 : KeyWidth + legend.Max(entry => SvgDrawing.TextWidth(Short(entry.Label), SmallSize)) + Gap;
        Drawing = new SvgDrawing(Left + wide + Gap + legendWidth, Top + high + Bottom);
        Drawing.Text(Left + wide / 2, 26, title, 16, TextAnchor.Middle);
        DrawAxes();
        for (int i = 0; i < legend.Count; i++)
            DrawLegend(legend[i], Top + 10 + i * RowHeight);
    }

    public SvgDrawing Drawing { get; }

    public Axis X { get; }

    public Axis Y { get; }

    /// <summary>A point's place in the drawing.</summary>
    public (double X, double Y) At(double x, double y) => (Left + X.Place(x) * _wide, Top + (1 - Y.Place(y)) * _high);

    /// <summary>A line through points; what lies outside the frame isn't shown.</summary>
    public void Path(IEnumerable<(double X, double Y)> points, Stroke stroke)
    {
        Drawing.BeginClip(Left, Top, _wide, _high);
        Drawing.Polyline(points.Select(point => At(point.X, point.Y)), stroke);
        Drawing.EndClip();
    }

    /// <summary>True if a point lies in the frame.</summary>
    public bool Holds(double x, double y) => X.Place(x) is >= 0 and <= 1 && Y.Place(y) is >= 0 and <= 1;

    private static string Short(string label) => label.Length <= LegendCharactersMax ? label : $"{label[..(LegendCharactersMax / 2)]}…{label[^(LegendCharactersMax / 2)..]}";

    private void DrawAxes()
    {
        var grid = new Stroke(Palette.Grid, Width: 1);
        foreach (double tick in X.Ticks)
        {
            double x = Left + X.Place(tick) * _wide;
            Drawing.Line(x, Top, x, Top + _high, grid);
            Drawing.Text(x, Top + _high + 19, Axis.Show(tick), SmallSize, TextAnchor.Middle);
        }
        foreach (double tick in Y.Ticks)
        {
            double y = Top + (1 - Y.Place(tick)) * _high;
            Drawing.Line(Left, y, Left + _wide, y, grid);
            Drawing.Text(Left - 8, y + 4, Axis.Show(tick), SmallSize, TextAnchor.End);
        }
        Drawing.Rectangle(Left, Top, _wide, _high, "none", new Stroke(Palette.Soft, Width: 1));
        Drawing.Text(Left + _wide / 2, Top + _high + 44, X.Label, TextSize, TextAnchor.Middle);
        Drawing.Text(20, Top + _high / 2, Y.Label, TextSize, TextAnchor.Middle, upwards: true);
    }

    private void DrawLegend(LegendEntry entry, double y)
    {
        double x = Left + _wide + Gap, middle = x + (KeyWidth - 8) / 2;
        if (entry.Line is { } line)
            Drawing.Line(x, y, x + KeyWidth - 8, y, line);
        if (entry.Dot is { } dot)
            Drawing.Circle(middle, y, 4, dot);
        if (entry.Diamond is { } diamond)
            Drawing.Diamond(middle, y, 4, diamond);
        if (entry.Ring is { } ring)
            Drawing.Circle(middle, y, 7, "none", new Stroke(ring, Width: 1.4));
        Drawing.Text(x + KeyWidth, y + 4, Short(entry.Label), SmallSize);
    }
}
