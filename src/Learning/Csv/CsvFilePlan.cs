using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>What is done with a column of one file.</summary>
/// <param name="Name">For errors.</param>
/// <param name="Role">What it is used for; null: nothing, the layout doesn't know it.</param>
internal sealed record CsvFileColumn(string Name, CsvRole? Role)
{
    /// <summary>Of a column of numbers: its feature.</summary>
    public uint Feature { get; init; }

    /// <summary>Of a column of numbers: the feature that marks missing ones; null: none.</summary>
    public uint? Mark { get; init; }

    /// <summary>Of a column of numbers: what stands for missing ones; NaN while it isn't known.</summary>
    public float Mean { get; init; }

    /// <summary>Of a column of categories: where their hashes begin.</summary>
    public ulong HashBegin { get; init; }
}

/// <summary>How the columns of one file are mapped to a layout's features. Immutable.</summary>
internal sealed record CsvFilePlan
{
    public required CsvLayout Layout { get; init; }

    public required CsvFileColumn[] Columns { get; init; }

    /// <summary>Columns of the layout that the file lacks; every row is read as if their value were missing.</summary>
    public CsvFileColumn[] Absent { get; init; } = [];

    /// <summary>Where the first row's line starts.</summary>
    public required long DataStart { get; init; }

    /// <summary>Whether the layout is being found out from this file: means, marks and names of labels are not known.</summary>
    public bool IsFitting { get; init; }

    /// <summary>Counts the categories met in the file; null without such columns.</summary>
    public CategoryCounts? Categories { get; init; }

    /// <summary>Whether labels are texts.</summary>
    public required bool LabelsAreTexts { get; init; }

    /// <summary>Whether columns of numbers come in the order of their features.</summary>
    public bool IsInOrder => Absent.Length == 0 && Columns.Where(column => column.Role == CsvRole.Number).Select(column => column.Feature).Pairwise((before, after) => before < after);

    public bool HasLabels => Columns.Any(column => column.Role == CsvRole.Label);

    public bool HasWeights => Columns.Any(column => column.Role == CsvRole.Weight);

    /// <summary>What differs between the file's columns and the layout's, for people; null: nothing.</summary>
    public string? Notice { get; init; }

    /// <summary>The plan for the file that the layout is found out from.</summary>
    public static CsvFilePlan Fit(string path, ReadOnlySpan<byte> sample, int markBytes, CsvOptions options)
    {
        CsvLayout layout = CsvInspection.Layout(path, sample, options, out List<CsvCell[]> records, out int firstEnd);
        int label = layout.Columns.Index().First(column => column.Item.Role == CsvRole.Label).Index;
        CsvFileColumn[] columns = FileColumns(layout, isFitting: true);
        return new CsvFilePlan
        {
            Layout = layout,
            Columns = columns,
            DataStart = markBytes + (layout.HasHeader ? firstEnd : 0),
            IsFitting = true,
            Categories = layout.HasCategories ? new CategoryCounts(layout.HashBits) : null,
            LabelsAreTexts = records.Skip(layout.HasHeader ? 1 : 0).Any(record => label < record.Length && record[label] is { IsNumber: false, IsMissing: false }),
        };
    }

    /// <summary>The plan for another file: columns are matched by name if it has a header, else by place.</summary>
    /// <exception cref="DatasetException">The file's columns can't be matched.</exception>
    public static CsvFilePlan Match(string path, ReadOnlySpan<byte> sample, int markBytes, CsvLayout layout, bool labelsIgnored)
    {
        char separator = CsvInspection.Separator(sample);
        List<CsvCell[]> records = CsvRecords.Split(sample, separator, out int firstEnd);
        if (records.Count == 0) throw new DatasetException(path, "no line of separated text can be read; expected fields separated by commas, semicolons or tabs, quotes closed.");
        CsvFileColumn[] known = [.. FileColumns(layout, isFitting: false).Select(column => labelsIgnored && column.Role == CsvRole.Label ? column with { Role = null } : column)];
        string[] first = [.. records[0].Select(cell => cell.Text)];
        var byName = known.ToDictionary(column => column.Name, StringComparer.Ordinal);
        bool hasHeader = layout.HasHeader && (first.Count(byName.ContainsKey) * 2 > first.Length || CsvInspection.LooksLikeHeader(records));
        CsvFileColumn[] columns = hasHeader ? [.. first.Select(name => byName.GetValueOrDefault(name) ?? new CsvFileColumn(name, null))] : ByPlace(path, first.Length, known);
        CsvFileColumn[] absent = [.. known.Where(column => !columns.Contains(column))];
        if (hasHeader && !columns.Any(column => column.Role is CsvRole.Number or CsvRole.Category))
            throw new DatasetException(path, $"the header names none of the columns that the model was trained on ({string.Join(", ", layout.Columns.Take(8).Select(column => column.Name))}{(layout.Columns.Count > 8 ? ", …" : "")}).");
        return new CsvFilePlan
        {
            Layout = layout with { Separator = separator },
            Columns = columns,
            Absent = [.. absent.Where(column => column.Role is CsvRole.Number or CsvRole.Category)],
            DataStart = markBytes + (hasHeader ? firstEnd : 0),
            Categories = layout.HasCategories ? new CategoryCounts(layout.HashBits) : null,
            LabelsAreTexts = layout.LabelNames.Count > 0,
            Notice = Differences(columns, absent),
        };
    }

    private static CsvFileColumn[] ByPlace(string path, int fields, CsvFileColumn[] known)
    {
        CsvFileColumn[] unlabelled = [.. known.Where(column => column.Role is CsvRole.Number or CsvRole.Category)];
        return fields == known.Length ? known
            : fields == unlabelled.Length ? unlabelled
            : throw new DatasetException(path, $"its first line has {fields} fields and names no columns; expected the {known.Length} columns of the training data in their order, or the {unlabelled.Length} without label and weight.");
    }

    private static string? Differences(CsvFileColumn[] columns, CsvFileColumn[] absent)
    {
        string[] extra = [.. columns.Where(column => column.Role is null && column.HashBegin == 0).Select(column => column.Name)];
        string[] missing = [.. absent.Where(column => column.Role is CsvRole.Number or CsvRole.Category).Select(column => column.Name)];
        string[] parts =
        [
            .. missing.Length == 0 ? Array.Empty<string>() : [$"columns that aren't there, read as missing values: {string.Join(", ", missing)}"],
            .. extra.Length == 0 ? Array.Empty<string>() : [$"columns that the model doesn't know, left out: {string.Join(", ", extra)}"],
        ];
        return parts.Length == 0 ? null : string.Join("; ", parts);
    }

    private static CsvFileColumn[] FileColumns(CsvLayout layout, bool isFitting)
    {
        uint number = 0, mark = checked((uint)layout.FirstMark);
        return [.. layout.Columns.Select(column => column.Role switch
        {
            CsvRole.Number => new CsvFileColumn(column.Name, column.Role)
            {
                Feature = number++,
                Mark = isFitting || column.IsMarked ? mark++ : null,
                Mean = isFitting ? float.NaN : column.Mean,
            },
            _ => new CsvFileColumn(column.Name, column.Role) { HashBegin = CategoryHash.Begin(column.Name, layout.HashSeed) },
        })];
    }
}

/// <summary>Neighbours of a sequence.</summary>
internal static class Neighbours
{
    /// <summary>Whether something holds of all neighbours.</summary>
    public static bool Pairwise<T>(this IEnumerable<T> items, Func<T, T, bool> holds) => items.Zip(items.Skip(1)).All(pair => holds(pair.First, pair.Second));
}
