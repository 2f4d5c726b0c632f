using System.Text.RegularExpressions;

namespace DistSgd.Repo.Tests;

/// <summary>Regular expressions over text, with ^ and $ at lines, a bound on their time, and one named group: "it".</summary>
internal static class Pattern
{
    private static readonly TimeSpan MatchMax = TimeSpan.FromSeconds(5);

    /// <summary>True if the pattern occurs.</summary>
    public static bool IsIn(string text, string pattern) => Of(pattern).IsMatch(text);

    /// <summary>What (?&lt;it&gt;…) matched first; null if the pattern doesn't occur.</summary>
    public static string? First(string text, string pattern) => Of(pattern).Match(text) is { Success: true } match ? match.Groups["it"].Value : null;

    /// <summary>What (?&lt;it&gt;…) matched each time.</summary>
    public static IEnumerable<string> All(string text, string pattern) => Of(pattern).Matches(text).Select(match => match.Groups["it"].Value);

    /// <summary>The text with every match replaced.</summary>
    public static string Replace(string text, string pattern, string by) => Of(pattern).Replace(text, by);

    private static Regex Of(string pattern) => new(pattern, RegexOptions.Multiline | RegexOptions.ExplicitCapture, MatchMax);
}
