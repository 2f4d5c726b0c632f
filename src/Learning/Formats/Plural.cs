using System.Globalization;

namespace DistSgd.Learning.Formats;

/// <summary>Counts in sentences.</summary>
public static class Plural
{
    /// <summary>"1 row", "2,000 rows".</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">What, in the singular.</param>
    /// <param name="plural">The plural; null: with an s.</param>
    public static string Of(long count, string noun, string? plural = null) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? noun : plural ?? $"{noun}s")}");
}
