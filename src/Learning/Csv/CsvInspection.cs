using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>Finds out a file's layout from its first lines. What needs all rows (means, marks, names of labels, counts) is left for <see cref="CsvReader"/>.</summary>
internal static class CsvInspection
{
    private const string Separators = ",;\t";

    private static readonly string[] LabelNames = ["label", "target", "class", "y"];

    /// <summary>Looks at a file.</summary>
    /// <param name="path">For errors.</param>
    /// <param name="sample">Its first lines, whole.</param>
    /// <param name="options">What is known already.</param>
    /// <exception cref="DatasetException">A column that is asked for isn't there, or there are no columns.</exception>
    /// <param name="records">Its records.</param>
    /// <param name="firstEnd">Behind the first of them.</param>
    public static CsvLayout Layout(string path, ReadOnlySpan<byte> sample, CsvOptions options, out List<CsvCell[]> records, out int firstEnd)
    {
        char separator = Separator(sample);
        records = CsvRecords.Split(sample, separator, out firstEnd);
        if (records.Count == 0) throw new DatasetException(path, "no line of separated text can be read; expected fields separated by commas, semicolons or tabs, quotes closed.");
        CsvCell[] first = records[0];
        bool hasHeader = options.Header == CsvHeader.Auto ? LooksLikeHeader(records) : options.Header == CsvHeader.Yes;
        string[] names = [.. first.Select((cell, i) => hasHeader && cell.Text.Length > 0 ? cell.Text : $"column {i + 1}")];
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new DatasetException(path, $"two columns have the name \"{twice.Key}\"; expected names that differ.");
        if (first.Length < 2) throw new DatasetException(path, "its lines have one field; expected a label and at least one more, separated by commas, semicolons or tabs.");
        int label = options.LabelColumn is { } asked ? Place(path, names, asked, "--label-column") : UsualLabel(names);
        int weight = options.WeightColumn is { } weighted ? Place(path, names, weighted, "--weight-column") : -1;
        if (weight == label) throw new DatasetException(path, $"the column \"{names[label]}\" cannot hold both labels and weights; name another for one of them.");
        List<CsvCell[]> sampled = records;
        int[] categorical = [.. options.Categorical.Select(name => Place(path, names, name, "--categorical"))];
        var columns = new CsvColumn[names.Length];
        for (int c = 0; c < names.Length; c++)
        {
            CsvRole role = c == label ? CsvRole.Label : c == weight ? CsvRole.Weight : categorical.Contains(c) || HoldsTexts(sampled, c, hasHeader) ? CsvRole.Category : CsvRole.Number;
            columns[c] = new CsvColumn(names[c], role);
        }
        return new CsvLayout { Separator = separator, HasHeader = hasHeader, Columns = columns, HashBits = options.HashBits, HashSeed = options.HashSeed };
    }

    /// <summary>The separator that the first line has most of; comma, if none.</summary>
    public static char Separator(ReadOnlySpan<byte> sample)
    {
        char best = ',';
        int most = 0;
        foreach (char separator in Separators)
        {
            List<CsvCell[]> records = CsvRecords.Split(sample[..FirstLines(sample)], separator, out _);
            int fields = records.Count == 0 ? 0 : records[0].Length;
            if (fields > most) (best, most) = (separator, fields);
        }
        return best;
    }

    /// <summary>The place of a column in a list of names: by name, else by number from 1.</summary>
    public static int Place(string path, IReadOnlyList<string> names, string asked, string option)
    {
        for (int c = 0; c < names.Count; c++) if (string.Equals(names[c], asked, StringComparison.Ordinal)) return c;
        if (int.TryParse(asked, System.Globalization.CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= names.Count) return number - 1;
        const int ShownMax = 12;
        throw new DatasetException(path, $"there is no column \"{asked}\" ({option}); expected a number from 1 to {names.Count}, or one of {string.Join(", ", names.Take(ShownMax))}{(names.Count > ShownMax ? ", …" : "")}.");
    }

    /// <summary>Whether the first record names the columns.</summary>
    public static bool LooksLikeHeader(IReadOnlyList<CsvCell[]> records)
    {
        CsvCell[] first = records[0];
        if (first.Any(cell => cell.IsNumber) || first.Count(cell => cell.Text.Length == 0) > 1 || first.Select(cell => cell.Text).Distinct(StringComparer.Ordinal).Count() < first.Length) return false;
        if (records.Count == 1) return true;
        bool numbersBelow = Enumerable.Range(0, first.Length).Any(c => records.Skip(1).Any(record => c < record.Length && record[c].IsNumber));
        return numbersBelow || !records.Skip(1).Any(record => record.Any(cell => cell.IsAsFirst));
    }

    private static int UsualLabel(string[] names)
    {
        foreach (string usual in LabelNames)
        {
            int found = Array.FindIndex(names, name => string.Equals(name, usual, StringComparison.OrdinalIgnoreCase));
            if (found >= 0) return found;
        }
        return names.Length - 1;
    }

    private static bool HoldsTexts(IReadOnlyList<CsvCell[]> records, int column, bool hasHeader) =>
        records.Skip(hasHeader ? 1 : 0).Any(record => column < record.Length && record[column] is { IsNumber: false, IsMissing: false });

    private static int FirstLines(ReadOnlySpan<byte> sample)
    {
        const int Lines = 20;
        int end = 0;
        for (int line = 0; line < Lines && end < sample.Length; line++)
        {
            int length = sample[end..].IndexOf((byte)'\n');
            if (length < 0) break;
            end += length + 1;
        }
        return end == 0 ? sample.Length : end;
    }
}
