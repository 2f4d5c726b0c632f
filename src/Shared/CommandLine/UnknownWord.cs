using System.CommandLine;

namespace DistSgd.Shared.CommandLine;

/// <summary>Names what is no command or option, and the one that was probably meant.</summary>
internal static class UnknownWord
{
    /// <summary>The sentence; null if every word is known.</summary>
    public static string? Explain(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens.Count == 0)
            return null;
        string word = parsed.UnmatchedTokens[0];
        string name = word.Split('=', ':')[0];
        Command command = parsed.CommandResult.Command;
        IEnumerable<string> known = (name.StartsWith('-') ? Options(parsed) : command.Subcommands.Where(inner => !inner.Hidden).Select(inner => inner.Name)).Order(StringComparer.Ordinal);
        string? nearest = known.Where(candidate => Distance(name, candidate) <= Math.Max(1, candidate.Length / 3)).MinBy(candidate => Distance(name, candidate));
        return nearest is null ? $"'{word}' is not a command or option here." : $"'{word}' is not a command or option here; did you mean {nearest}?";
    }

    /// <summary>Letters to insert, delete or change (Levenshtein).</summary>
    internal static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }

    private static IEnumerable<string> Options(ParseResult parsed)
    {
        for (System.CommandLine.Parsing.SymbolResult? place = parsed.CommandResult; place is not null; place = place.Parent)
        {
            foreach (Option option in ((System.CommandLine.Parsing.CommandResult)place).Command.Options.Where(option => !option.Hidden && (option.Recursive || place == parsed.CommandResult)))
                yield return option.Name;
        }
    }
}
