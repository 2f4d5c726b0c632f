using System.Globalization;
using System.Security;
using System.Text;

namespace DistSgd.Cli.Plotting;

/// <summary>Where a text stands to its point.</summary>
internal enum TextAnchor
{
    Start,
    Middle,
    End,
}

/// <summary>A drawing of so many pixels as SVG text: white, (0, 0) at the top left. One thread at a time.</summary>
/// <param name="width">Pixels.</param>
/// <param name="height">Pixels.</param>
internal sealed class SvgDrawing(double width, double height)
{
    /// <summary>About so wide is a character, as part of its height.</summary>
    private const double CharacterWidth = 0.58;

    private readonly StringBuilder _body = new();

    public double Width => width;

    public double Height => height;

    /// <summary>About how wide a text will be.</summary>
    public static double TextWidth(string text, double size) => text.Length * size * CharacterWidth;

    public void Line(double x1, double y1, double x2, double y2, Stroke stroke) =>
        Add($"<line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" {Of(stroke)}/>");

    public void Polyline(IEnumerable<(double X, double Y)> points, Stroke stroke) =>
        Add($"<polyline fill=\"none\" stroke-linejoin=\"round\" points=\"{string.Join(' ', points.Select(point => $"{N(point.X)},{N(point.Y)}"))}\" {Of(stroke)}/>");

    /// <summary>A rectangle: filled, or its outline.</summary>
    public void Rectangle(double x, double y, double wide, double high, string fill, Stroke? stroke = null) =>
        Add($"<rect x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(wide)}\" height=\"{N(high)}\" fill=\"{fill}\"{(stroke is { } line ? $" {Of(line)}" : "")}/>");

    /// <summary>A disc or a ring; what it stands for is shown when the pointer rests on it.</summary>
    public void Circle(double x, double y, double radius, string fill, Stroke? stroke = null, string? title = null) =>
        Add($"<circle cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"{N(radius)}\" fill=\"{fill}\"{(stroke is { } line ? $" {Of(line)}" : "")}{Close("circle", title)}");

    /// <summary>A square on its side, of a disc's weight.</summary>
    public void Diamond(double x, double y, double radius, string fill, string? title = null)
    {
        double reach = radius * 1.25;
        Add($"<path d=\"M{N(x)} {N(y - reach)}L{N(x + reach)} {N(y)}L{N(x)} {N(y + reach)}L{N(x - reach)} {N(y)}Z\" fill=\"{fill}\"{Close("path", title)}");
    }

    public void Text(double x, double y, string text, double size, TextAnchor anchor = TextAnchor.Start, string color = Palette.Ink, bool upwards = false) =>
        Add($"<text x=\"{N(x)}\" y=\"{N(y)}\" font-size=\"{N(size)}\" text-anchor=\"{anchor.ToString().ToLowerInvariant()}\" fill=\"{color}\"{(upwards ? $" transform=\"rotate(-90 {N(x)} {N(y)})\"" : "")}>{SecurityElement.Escape(text)}</text>");

    /// <summary>What follows until <see cref="EndClip"/> shows inside a rectangle only.</summary>
    public void BeginClip(double x, double y, double wide, double high) =>
        Add($"<clipPath id=\"frame\"><rect x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(wide)}\" height=\"{N(high)}\"/></clipPath><g clip-path=\"url(#frame)\">");

    public void EndClip() => Add("</g>");

    /// <summary>The whole file.</summary>
    public void Write(Stream stream)
    {
        string size = $"width=\"{N(width)}\" height=\"{N(height)}\" viewBox=\"0 0 {N(width)} {N(height)}\"";
        string whole = $"<svg xmlns=\"http://www.w3.org/2000/svg\" {size} font-family=\"Helvetica, Arial, sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{_body}</svg>\n";
        stream.Write(Encoding.UTF8.GetBytes(whole));
    }

    private static string Close(string element, string? title) => title is null ? "/>" : $"><title>{SecurityElement.Escape(title)}</title></{element}>";

    private static string Of(Stroke stroke) => $"stroke=\"{stroke.Color}\" stroke-width=\"{N(stroke.Width)}\"{(stroke.Dash.Length == 0 ? "" : $" stroke-dasharray=\"{stroke.Dash}\"")}";

    private static string N(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);

    private void Add(string element) => _body.Append(element).Append('\n');
}
