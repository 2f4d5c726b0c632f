using System.Text;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>
/// One field of separated text, in any way RFC 4180 allows it to be written: plain, without the blanks around it, or in quotes, in which two quotes mean one and separators and line ends have no meaning.
/// </summary>
internal ref struct CsvField
{
    private const int QuoteBytesMax = 40;

    /// <summary>The field's bytes, without quotes and the blanks around it.</summary>
    public ReadOnlySpan<byte> Content;

    /// <summary>Whether it stood in quotes.</summary>
    public bool IsQuoted;

    /// <summary>Position of its first byte.</summary>
    public int Start;

    /// <summary>Position of what ends it: a separator, or the line feed.</summary>
    public int End;

    /// <summary>Reads the field that begins at a position.</summary>
    /// <param name="text">Ends with a line feed.</param>
    /// <param name="at">The field's first byte.</param>
    /// <param name="separator">Ends the field, as the line's end does.</param>
    /// <param name="field">The field.</param>
    /// <returns>Null, or what is wrong, its place counted from the beginning of <paramref name="text"/>.</returns>
    public static LineFault? Read(ReadOnlySpan<byte> text, int at, byte separator, out CsvField field)
    {
        field = new CsvField { Start = at };
        int start = at;
        while (IsBlank(text[start], separator)) start++;
        if (text[start] == '"') return ReadQuoted(text, start, separator, ref field);
        int length = text[start..].IndexOfAny(separator, (byte)'\n');
        if (length < 0) return new(at, "the field doesn't end; expected a separator or a line end.");
        field.End = start + length;
        int end = field.End;
        while (end > start && (IsBlank(text[end - 1], separator) || text[end - 1] == '\r')) end--;
        field.Content = text[start..end];
        return null;
    }

    /// <summary>Whether the field says that its value is missing: empty, NA, N/A, NaN, null or ?, in any case.</summary>
    public readonly bool IsMissing => Content.Length switch
    {
        0 => true,
        1 => Content[0] == '?',
        2 => Is("na"u8),
        3 => Is("nan"u8) || Is("n/a"u8),
        4 => Is("null"u8),
        _ => false,
    };

    /// <summary>Whether the field is an infinite number.</summary>
    public readonly bool IsInfinite => Ascii.EqualsIgnoreCase(Content.TrimStart("+-"u8), "inf"u8) || Ascii.EqualsIgnoreCase(Content.TrimStart("+-"u8), "infinity"u8);

    /// <summary>The content for messages, cut after 40 bytes.</summary>
    public readonly string Shown => Encoding.UTF8.GetString(Content[..Math.Min(Content.Length, QuoteBytesMax)]) + (Content.Length > QuoteBytesMax ? "…" : "");

    private static LineFault? ReadQuoted(ReadOnlySpan<byte> text, int open, byte separator, ref CsvField field)
    {
        field.IsQuoted = true;
        int at = open + 1;
        bool doubled = false;
        while (true)
        {
            int length = text[at..].IndexOf((byte)'"');
            if (length < 0) return new(open, "the quote opened here is never closed.");
            at += length;
            if (at + 1 >= text.Length || text[at + 1] != '"') break;
            doubled = true;
            at += 2;
        }
        field.Content = doubled ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text[(open + 1)..at]).Replace("\"\"", "\"", StringComparison.Ordinal)) : text[(open + 1)..at];
        int end = at + 1;
        while (end < text.Length && (IsBlank(text[end], separator) || text[end] == '\r')) end++;
        field.End = end;
        if (end < text.Length && text[end] != separator && text[end] != '\n') return new(end, "there is text behind a closing quote; expected a separator or a line end (a quote within quotes is written twice).");
        return null;
    }

    private static bool IsBlank(byte character, byte separator) => character == ' ' || (character == '\t' && separator != '\t');

    private readonly bool Is(ReadOnlySpan<byte> word)
    {
        for (int i = 0; i < word.Length; i++) if ((Content[i] | 0x20) != word[i] && Content[i] != word[i]) return false;
        return true;
    }
}
