using DistSgd.Learning.Formats;

namespace DistSgd.Learning.Csv;

/// <summary>What a column of separated text is used for.</summary>
public enum CsvRole
{
    /// <summary>Numbers: one feature.</summary>
    Number,

    /// <summary>Texts: each is hashed, together with the column's name, to one of the features that all such columns share.</summary>
    Category,

    /// <summary>The target.</summary>
    Label,

    /// <summary>How much the row counts.</summary>
    Weight,
}

/// <summary>A column of separated text.</summary>
/// <param name="Name">From the header; without one "column 1", "column 2", ….</param>
/// <param name="Role">What it is used for.</param>
public sealed record CsvColumn(string Name, CsvRole Role)
{
    /// <summary>Of a column of numbers: the mean of those that are there in the training data, which stands for missing ones.</summary>
    public float Mean { get; init; }

    /// <summary>Of a column of numbers: whether any was missing in the training data; then one more feature says so, 1 where it is missing.</summary>
    public bool IsMarked { get; init; }
}

/// <summary>
/// How the columns of separated text become features, as it was found out from the training data; kept in the model, so that other files are read in the same way.
/// The features are, in this order: each column of numbers; 2^<see cref="HashBits"/> for the categories of all other columns, if there are any; a mark for each column of
/// numbers that had missing values. Immutable; any thread.
/// </summary>
public sealed record CsvLayout
{
    /// <summary>Bits of a category's feature unless another number is asked for.</summary>
    public const int HashBitsDefault = 18;

    /// <summary>The separator: comma, semicolon or tab.</summary>
    public required char Separator { get; init; }

    /// <summary>Whether the first line names the columns.</summary>
    public required bool HasHeader { get; init; }

    /// <summary>The columns in the training file's order.</summary>
    public required IReadOnlyList<CsvColumn> Columns { get; init; }

    /// <summary>The texts that labels 0, 1, … stand for, in ordinal order; empty where labels are numbers.</summary>
    public IReadOnlyList<string> LabelNames { get; init; } = [];

    /// <summary>Categories share 2^HashBits features.</summary>
    public int HashBits { get; init; } = HashBitsDefault;

    /// <summary>Seed of the categories' hash (<see cref="CategoryHash"/>).</summary>
    public ulong HashSeed { get; init; }

    /// <summary>Whether a quoted field of the training data holds a line end, so that no part of the file can be read by itself.</summary>
    public bool HasLineEndsInFields { get; init; }

    /// <summary>Missing values in the training data.</summary>
    public long Missing { get; init; }

    /// <summary>Distinct categories in the training data.</summary>
    public long Categories { get; init; }

    /// <summary>Those of them that share their feature with one that came before.</summary>
    public long Collisions { get; init; }

    /// <summary>All features.</summary>
    public long FeatureCount => NumberCount + (HasCategories ? 1L << HashBits : 0) + Columns.Count(column => column.IsMarked);

    /// <summary>Columns of numbers.</summary>
    public int NumberCount => Columns.Count(column => column.Role == CsvRole.Number);

    /// <summary>Whether any column holds categories.</summary>
    public bool HasCategories => Columns.Any(column => column.Role == CsvRole.Category);

    /// <summary>The feature of the first mark.</summary>
    internal long FirstMark => NumberCount + (HasCategories ? 1L << HashBits : 0);

    /// <summary>What a feature is: a column's name, "category 17", or "age is missing".</summary>
    /// <param name="feature">From 0.</param>
    public string FeatureName(long feature)
    {
        if (feature < NumberCount) return Columns.Where(column => column.Role == CsvRole.Number).ElementAt((int)feature).Name;
        return feature < FirstMark
            ? $"category {feature - NumberCount}"
            : $"{Columns.Where(column => column.IsMarked).ElementAt((int)(feature - FirstMark)).Name} is missing";
    }

    /// <summary>What was found, for people.</summary>
    public override string ToString()
    {
        string separator = Separator switch { ',' => "comma", ';' => "semicolon", _ => "tab" };
        string label = Columns.FirstOrDefault(column => column.Role == CsvRole.Label)?.Name ?? "none";
        int categories = Columns.Count(column => column.Role == CsvRole.Category);
        string hashed = categories == 0 ? "" : $", {Plural.Of(categories, "column")} of categories ({Categories:N0} distinct, hashed with seed {HashSeed} to 2^{HashBits} features, {Plural.Of(Collisions, "collision")})";
        string weight = Columns.FirstOrDefault(column => column.Role == CsvRole.Weight) is { } weights ? $", weights in \"{weights.Name}\"" : "";
        string missing = Missing == 0 ? "" : $"; {Plural.Of(Missing, "value")} missing: numbers become their column's mean and are marked, a missing category is one of its own";
        return $"CSV, {separator}, {(HasHeader ? "header" : "no header")}; label \"{label}\"{(LabelNames.Count > 0 ? $" ({Plural.Of(LabelNames.Count, "text")})" : "")}{weight}, {Plural.Of(NumberCount, "column")} of numbers{hashed}{missing}";
    }

    /// <inheritdoc/>
    public bool Equals(CsvLayout? other) => other is not null && CsvLayoutText.Write(this) == CsvLayoutText.Write(other);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(CsvLayoutText.Write(this));
}
