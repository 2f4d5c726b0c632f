namespace DistSgd.Cli.Plotting;

/// <summary>How a line is drawn.</summary>
/// <param name="Color">As #RRGGBB.</param>
/// <param name="Dash">SVG's dash pattern; empty: drawn through.</param>
/// <param name="Width">Pixels.</param>
internal readonly record struct Stroke(string Color, string Dash = "", double Width = 1.8);

/// <summary>Colours that people with any kind of colour vision tell apart (Okabe &amp; Ito 2008), dark enough for thin lines on white; dashes where there are more lines than colours.</summary>
internal static class Palette
{
    public const string Ink = "#222222";
    public const string Soft = "#666666";
    public const string Grid = "#dddddd";

    private static readonly string[] Colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
    private static readonly string[] Dashes = ["", "7 3", "2 3"];

    public static string Color(int number) => Colors[number % Colors.Length];

    /// <summary>A stroke of its own for each of 21 lines.</summary>
    public static Stroke Line(int number) => new(Color(number), Dashes[number / Colors.Length % Dashes.Length]);

    /// <summary>The dashed twin of a line.</summary>
    public static Stroke Dashed(int number) => new(Color(number), "6 3");
}
