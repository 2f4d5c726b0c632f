using System.Globalization;
using System.Text;

namespace DistSgd.Shared.CommandLine;

/// <summary>Text of others in a sentence of ours: in one line, of bounded length, and without what a terminal would obey.</summary>
public static class Printable
{
    /// <summary>Most characters of a name or a reason.</summary>
    public const int CharsMax = 400;

    /// <summary>The text with control characters as \xNN (others that aren't shown or that turn the writing round as \uNNNN), and an ellipsis where it was too long.</summary>
    /// <param name="text">Whatever somebody sent.</param>
    /// <param name="charsMax">Most characters of it that are shown; at least 1.</param>
    public static string Text(string text, int charsMax = CharsMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(charsMax, 1);
        if (text.Length <= charsMax && text.All(IsShown))
            return text;
        var shown = new StringBuilder();
        foreach (char letter in text.AsSpan(0, Math.Min(charsMax, text.Length)))
        {
            if (IsShown(letter))
                shown.Append(letter);
            else
                shown.Append(letter <= '\xff' ? "\\x" : "\\u").Append(((int)letter).ToString(letter <= '\xff' ? "x2" : "x4", CultureInfo.InvariantCulture));
        }
        return text.Length > charsMax ? shown.Append('…').ToString() : shown.ToString();
    }

    private static bool IsShown(char letter) => char.GetUnicodeCategory(letter)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
