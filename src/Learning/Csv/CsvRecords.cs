using System.Text;

namespace DistSgd.Learning.Csv;

/// <summary>The first records of a file as texts: what the layout is found out from.</summary>
internal static class CsvRecords
{
    /// <summary>Splits text into records, blank lines left out.</summary>
    /// <param name="text">Whole lines.</param>
    /// <param name="separator">Between fields.</param>
    /// <param name="firstEnd">Behind the line end of the first record.</param>
    /// <returns>The records; one that is not whole or not well written, and all behind it, is left out.</returns>
    public static List<CsvCell[]> Split(ReadOnlySpan<byte> text, char separator, out int firstEnd)
    {
        var records = new List<CsvCell[]>();
        var cells = new List<CsvCell>();
        var first = new List<byte[]>();
        firstEnd = 0;
        for (int at = 0; at < text.Length;)
        {
            if (IsBlankLine(text[at..], out int length))
            {
                at += length;
                continue;
            }
            cells.Clear();
            byte end;
            do
            {
                if (CsvField.Read(text, at, (byte)separator, out CsvField field) is not null || field.End >= text.Length) return records;
                if (records.Count == 0) first.Add(field.Content.ToArray());
                cells.Add(new CsvCell(records.Count == 0 ? Encoding.UTF8.GetString(field.Content) : "", field.IsMissing, IsNumber(field), cells.Count < first.Count && field.Content.SequenceEqual(first[cells.Count])));
                end = text[field.End];
                at = field.End + 1;
            }
            while (end != '\n');
            records.Add([.. cells]);
            if (records.Count == 1) firstEnd = at;
        }
        return records;
    }

    public static bool IsBlankLine(ReadOnlySpan<byte> text, out int length)
    {
        length = 0;
        while (length < text.Length && text[length] is (byte)' ' or (byte)'\r') length++;
        if (length >= text.Length || text[length] != '\n') return false;
        length++;
        return true;
    }

    private static bool IsNumber(in CsvField field) => Kernels.Text.DecimalText.TryParse(field.Content, out _) || field.IsInfinite;
}

/// <summary>A field of the records that a layout is found out from.</summary>
/// <param name="Text">Its content; empty behind the first record.</param>
/// <param name="IsMissing">Whether it says that its value is missing.</param>
/// <param name="IsNumber">Whether it is a number.</param>
/// <param name="IsAsFirst">Whether the first record says the same in its column.</param>
internal readonly record struct CsvCell(string Text, bool IsMissing, bool IsNumber, bool IsAsFirst);
