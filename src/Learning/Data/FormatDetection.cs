using DistSgd.Kernels.Text;
using DistSgd.Learning.Csv;

namespace DistSgd.Learning.Data;

/// <summary>Tells a file's format.</summary>
public static class FormatDetection
{
    private const int LinesLookedAt = 20;
    private const int BytesLookedAt = 1 << 14;

    /// <summary>As the options say; else IDX by its first bytes, LIBSVM text by its pairs index:value, separated text by its name or by as many fields in most of its first records.</summary>
    /// <param name="path">The file, of which no more than the beginning is read.</param>
    /// <param name="options">How it will be read.</param>
    /// <exception cref="DatasetException">The file is missing, not readable, or empty; or it is separated text, and the features are not.</exception>
    public static DataFormat Of(string path, ReadOptions options)
    {
        if (options.Layout is not null) return DataFormat.Csv;
        DataFormat format = options.Format != DataFormat.Auto ? options.Format : IdxReader.Recognizes(path) ? DataFormat.Idx : OfText(path);
        if (format == DataFormat.Csv && options.ExpectedFeatures is not null)
            throw new DatasetException(path, "this is separated text (CSV), but the training data was not; expected LIBSVM text or IDX. If it is LIBSVM text, say --format libsvm.");
        return format;
    }

    private static DataFormat OfText(string path)
    {
        using var source = SourceFile.Open(path);
        return OfText(path, TextSample.Read(source));
    }

    internal static DataFormat OfText(string path, ReadOnlySpan<byte> sample)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        bool isNamedCsv = name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase);
        ReadOnlySpan<byte> lines = sample[..Math.Min(sample.Length, BytesLookedAt)];
        // Whole lines, if there is one.
        ReadOnlySpan<byte> head = lines[..(lines.LastIndexOf((byte)'\n') + 1)];
        if (head.IsEmpty) head = sample;
        for (int line = 0; line < LinesLookedAt && lines.Length > 0;)
        {
            ReadOnlySpan<byte> text = lines[..(lines.IndexOf((byte)'\n') + 1)];
            if (text.IsEmpty) break;
            lines = lines[text.Length..];
            text = text.TrimEnd("\r\n"u8);
            if (text.Length == 0 || text[0] == '#') continue;
            if (HasPairs(text)) return DataFormat.Libsvm;
            line++;
        }
        // Records, not lines: a field in quotes may hold a line end.
        List<CsvCell[]> records = CsvRecords.Split(head, CsvInspection.Separator(head), out _);
        bool hasFields = records.Count > 0 && records[0].Length > 1;
        return hasFields && (isNamedCsv || 2 * records.Count(record => record.Length == records[0].Length) > records.Count) ? DataFormat.Csv : DataFormat.Libsvm;
    }

    private static bool HasPairs(ReadOnlySpan<byte> line)
    {
        foreach (Range part in line.SplitAny(" \t"u8))
        {
            ReadOnlySpan<byte> token = line[part];
            int colon = token.IndexOf((byte)':');
            if (colon <= 0 || colon == token.Length - 1) continue;
            bool isIndex = token[..colon].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 || token[..colon].SequenceEqual("qid"u8);
            if (isIndex && DecimalText.TryParse(token[(colon + 1)..], out _)) return true;
        }
        return false;
    }
}
