using System.Text;
using DistSgd.Kernels.Text;

namespace DistSgd.Learning.Data;

/// <summary>Parses one line of LIBSVM text in any way it may be written, and explains what is wrong with it. The kernel's careful twin.</summary>
internal static class LibsvmLine
{
    private const int QuoteBytesMax = 40;

    /// <summary>Adds the line's row to <paramref name="rows"/>; blank lines and comments add nothing.</summary>
    /// <param name="line">The line without its line feed.</param>
    /// <param name="lineOffset">Where the line starts in the source.</param>
    /// <param name="rows">Has room for one row and one non-zero per colon.</param>
    /// <param name="notes">Told of the row's query and of its labels, if they are not just one.</param>
    /// <returns>Null, or what is wrong; then nothing was added.</returns>
    public static LineFault? Parse(ReadOnlySpan<byte> line, long lineOffset, ref SparseTextRows rows, RowNotes notes)
    {
        notes.Begin();
        int comment = line.IndexOf((byte)'#');
        var text = comment < 0 ? line : line[..comment];
        int at = 0;
        if (!NextToken(text, ref at, out int start)) return null;
        float label = 0;
        if (start > 0 && text[start..at].Contains((byte)':'))
        {
            // A blank where the label would stand: the row belongs to no class.
            notes.BeginSet();
            at = start;
        }
        else if (ParseLabels(text, start, at, notes, out label) is { } badLabel)
        {
            return badLabel;
        }

        int n = rows.NonZeroCount;
        long previous = -1;
        bool ascending = true;
        while (NextToken(text, ref at, out start))
        {
            if (n == rows.NonZeroCount && text[start..at].StartsWith("qid:"u8))
            {
                if (ParseQuery(text, start, at, notes) is { } badQuery) return badQuery;
                continue;
            }
            if (ParsePair(text, start, at, in rows, out uint index, out float value) is { } badPair) return badPair;
            ascending &= index > previous;
            previous = index;
            rows.Indices[n] = index;
            rows.Values[n++] = value;
        }
        if (!ascending && Sort(text, rows.Indices[rows.NonZeroCount..n], rows.Values[rows.NonZeroCount..n]) is { } repeated) return repeated;
        Finish(ref rows, n, label, lineOffset);
        return null;
    }

    private static void Finish(ref SparseTextRows rows, int end, float label, long lineOffset)
    {
        int start = rows.NonZeroCount;
        var indices = rows.Indices;
        if (end > start && indices[start] == 0) rows.SawZeroIndex = true;
        int kept = end;
        while (kept > start && rows.ExpectedFeatures != uint.MaxValue && (long)indices[kept - 1] - rows.IndexOffset >= rows.ExpectedFeatures) kept--;
        rows.IgnoredCount += end - kept;
        if (kept > start) rows.LargestIndex = Math.Max(rows.LargestIndex, indices[kept - 1]);
        for (int i = start; i < kept; i++) indices[i] = unchecked(indices[i] - rows.IndexOffset);
        rows.Labels[rows.RowCount] = label;
        rows.LineOffsets[rows.RowCount] = lineOffset;
        rows.RowStarts[++rows.RowCount] = kept;
        rows.NonZeroCount = kept;
    }

    // One label, or several separated by commas.
    private static LineFault? ParseLabels(ReadOnlySpan<byte> text, int start, int end, RowNotes notes, out float label)
    {
        int comma = text[start..end].IndexOf((byte)',');
        if (comma < 0) return ParseNumber(text, start, end, "label", out label);
        notes.BeginSet();
        label = 0;
        for (int from = start; from <= end;)
        {
            int length = text[from..end].IndexOf((byte)',');
            int to = length < 0 ? end : from + length;
            if (to == from) return new(from, "found a comma without a label beside it; expected labels separated by single commas.");
            if (ParseNumber(text, from, to, "label", out float one) is { } fault) return fault;
            label = from == start ? one : label;
            notes.AddLabel(one);
            from = to + 1;
        }
        return null;
    }

    private static LineFault? ParseQuery(ReadOnlySpan<byte> text, int start, int end, RowNotes notes)
    {
        var digits = text[(start + 4)..end];
        if (!System.Buffers.Text.Utf8Parser.TryParse(digits, out long query, out int used) || used != digits.Length || query < 0)
            return new(start, $"found {Quote(text[start..end])}; expected qid: and a whole number.");
        notes.SetQuery(query);
        return null;
    }

    private static LineFault? ParsePair(ReadOnlySpan<byte> text, int start, int end, in SparseTextRows rows, out uint index, out float value)
    {
        index = 0;
        value = 0;
        var token = text[start..end];
        int colon = token.IndexOf((byte)':');
        if (colon < 0) return new(start, $"found {Quote(token)}; expected index:value (there is no colon).");
        var name = token[..colon];
        if (name.SequenceEqual("qid"u8)) return new(start, "found a query number (qid:) behind a feature; expected it right behind the label.");
        if (ParseIndex(name, start, in rows, out index) is { } fault) return fault;
        return ParseNumber(text, start + colon + 1, end, "value", out value);
    }

    private static LineFault? ParseIndex(ReadOnlySpan<byte> name, int start, in SparseTextRows rows, out uint index)
    {
        ulong number = 0;
        index = 0;
        if (name.Length == 0) return new(start, "found a colon without an index before it; expected index:value.");
        foreach (byte character in name)
        {
            if (character is < (byte)'0' or > (byte)'9') return new(start, $"found the index {Quote(name)}; expected a whole number, digits only.");
            number = Math.Min((number * 10) + character - '0', 1UL << 40);
        }
        if (number == 0 && rows.ZeroIndexIsIrregular)
            return new(start, "found the index 0, but the file is read with index base 1; expected 1 or more. If its features are numbered from 0, give index base 0.");
        if (number > rows.LargestIndexAllowed) return new(start, $"found the index {Quote(name)}; expected at most {rows.LargestIndexAllowed} (the feature limit).");
        index = (uint)number;
        return null;
    }

    private static LineFault? ParseNumber(ReadOnlySpan<byte> text, int start, int end, string what, out float value)
    {
        var token = text[start..end];
        value = 0;
        if (token.Length == 0) return new(start, $"the {what} is missing after the colon; expected a number.");
        if (!DecimalText.TryParse(token, out value))
        {
            bool special = IsSpecial(token);
            return new(start, special ? $"the {what} is {Quote(token)}; expected a finite number." : $"found {Quote(token)} as {what}; expected a number.");
        }
        return float.IsFinite(value) ? null : new(start, $"the {what} {Quote(token)} is too large for float32; expected at most 3.4028235e38 in size.");
    }

    private static bool IsSpecial(ReadOnlySpan<byte> token)
    {
        string text = Encoding.Latin1.GetString(token).TrimStart('+', '-').ToUpperInvariant();
        return text is "NAN" or "INF" or "INFINITY" || text.StartsWith("NAN(", StringComparison.Ordinal);
    }

    /// <summary>Sorts a row by index. A fault, if an index occurs twice.</summary>
    private static LineFault? Sort(ReadOnlySpan<byte> text, Span<uint> indices, Span<float> values)
    {
        indices.Sort(values);
        for (int i = 1; i < indices.Length; i++)
            if (indices[i] == indices[i - 1]) return new(SecondOccurrence(text, indices[i]), $"the index {indices[i]} occurs twice in this row; expected each index once.");
        return null;
    }

    private static int SecondOccurrence(ReadOnlySpan<byte> text, uint index)
    {
        int at = 0;
        bool seen = false;
        NextToken(text, ref at, out int start);
        while (NextToken(text, ref at, out start))
        {
            var token = text[start..at];
            if (uint.Parse(token[..token.IndexOf((byte)':')]) != index) continue;
            if (seen) return start;
            seen = true;
        }
        return start;
    }

    /// <summary>Moves over blanks and one token, <c>text[start..at)</c>. False: none is left.</summary>
    private static bool NextToken(ReadOnlySpan<byte> text, ref int at, out int start)
    {
        while (at < text.Length && IsBlank(text[at])) at++;
        start = at;
        while (at < text.Length && !IsBlank(text[at])) at++;
        return at > start;
    }

    private static bool IsBlank(byte character) => character is (byte)' ' or (byte)'\t' or (byte)'\r';

    private static string Quote(ReadOnlySpan<byte> token)
    {
        var quoted = new StringBuilder("\"");
        foreach (byte character in token[..Math.Min(token.Length, QuoteBytesMax)])
        {
            if (character is >= 0x20 and < 0x7F) quoted.Append((char)character);
            else quoted.Append("\\x").Append(character.ToString("X2"));
        }
        return quoted.Append(token.Length > QuoteBytesMax ? "…\"" : "\"").ToString();
    }
}
