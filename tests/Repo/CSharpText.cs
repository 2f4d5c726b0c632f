using System.Text;

namespace DistSgd.Repo.Tests;

/// <summary>C# source seen as text: which characters are code, and which are comments or literals.</summary>
internal static class CSharpText
{
    /// <summary>The source with every comment and every literal's content replaced by blanks; lines and columns stay as they are.</summary>
    /// <remarks>Code within the holes of interpolated strings is blanked too.</remarks>
    public static string CodeOnly(string source)
    {
        var code = new StringBuilder(source.Length);
        for (int i = 0; i < source.Length;)
        {
            int end = source[i] switch
            {
                '/' when At(source, i, "//") => EndOf(source, i, "\n", included: false),
                '/' when At(source, i, "/*") => EndOf(source, i + 2, "*/", included: true),
                '"' => EndOfString(source, i),
                '\'' => EndOfEscaped(source, i, '\''),
                _ => i,
            };
            if (end == i)
            {
                code.Append(source[i++]);
                continue;
            }
            for (; i < end; i++)
                code.Append(source[i] == '\n' ? '\n' : ' ');
        }
        return code.ToString();
    }

    private static int EndOfString(string source, int quote)
    {
        int quotes = 1;
        while (quote + quotes < source.Length && source[quote + quotes] == '"')
            quotes++;
        if (quotes >= 3)
            return EndOf(source, quote + quotes, new string('"', quotes), included: true);
        if (IsVerbatim(source, quote))
            return EndOfVerbatim(source, quote);
        return EndOfEscaped(source, quote, '"', IsInterpolated(source, quote));
    }

    private static bool IsVerbatim(string source, int quote) =>
        (quote > 0 && source[quote - 1] == '@') || (quote > 1 && source[quote - 1] == '$' && source[quote - 2] == '@');

    private static bool IsInterpolated(string source, int quote) => quote > 0 && source[quote - 1] == '$';

    private static int EndOfVerbatim(string source, int quote)
    {
        for (int i = quote + 1; i < source.Length; i++)
        {
            if (source[i] != '"')
                continue;
            if (!At(source, i, "\"\""))
                return i + 1;
            i++;
        }
        return source.Length;
    }

    // A literal ends at its quote, unless that is escaped or belongs to a literal within a hole.
    private static int EndOfEscaped(string source, int start, char quote, bool hasHoles = false)
    {
        int depth = 0;
        for (int i = start + 1; i < source.Length; i++)
        {
            char c = source[i];
            if (depth == 0 && c == '\\')
                i++;
            else if (hasHoles && (At(source, i, "{{") || At(source, i, "}}")) && depth == 0)
                i++;
            else if (hasHoles && c == '{')
                depth++;
            else if (hasHoles && c == '}')
                depth--;
            else if (depth > 0 && c == '"')
                i = EndOfString(source, i) - 1;
            else if (depth > 0 && c == '\'')
                i = EndOfEscaped(source, i, '\'') - 1;
            else if (depth == 0 && (c == quote || c == '\n'))
                return i + 1;
        }
        return source.Length;
    }

    private static int EndOf(string source, int from, string mark, bool included)
    {
        int found = source.IndexOf(mark, Math.Min(from, source.Length), StringComparison.Ordinal);
        return found < 0 ? source.Length : found + (included ? mark.Length : 0);
    }

    private static bool At(string source, int place, string mark) => string.CompareOrdinal(source, place, mark, 0, mark.Length) == 0;
}
