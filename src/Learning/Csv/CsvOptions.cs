namespace DistSgd.Learning.Csv;

/// <summary>Whether the first line of separated text names its columns.</summary>
public enum CsvHeader
{
    /// <summary>Found out: it does if none of its fields is a number or missing, and the lines below it are of another kind or don't repeat it.</summary>
    Auto,

    /// <summary>It does.</summary>
    Yes,

    /// <summary>It is a row as any other.</summary>
    No,
}

/// <summary>What a user says of the columns of separated text; what is left open is found out from the file.</summary>
public sealed record CsvOptions
{
    /// <summary>Whether there is a header.</summary>
    public CsvHeader Header { get; init; }

    /// <summary>The label's column: its name, or its number from 1. Null: the column named label, target, class or y, else the last.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>The column with the rows' weights: its name, or its number from 1. Null: none.</summary>
    public string? WeightColumn { get; init; }

    /// <summary>Columns that hold categories though their values are numbers: names, or numbers from 1. Columns with other texts than numbers always do.</summary>
    public IReadOnlyList<string> Categorical { get; init; } = [];

    /// <summary>Categories share 2^HashBits features; 1 to <see cref="HashBitsMax"/>.</summary>
    public int HashBits { get; init; } = CsvLayout.HashBitsDefault;

    /// <summary>Seed of the categories' hash.</summary>
    public ulong HashSeed { get; init; }

    /// <summary>Largest value of <see cref="HashBits"/>.</summary>
    public const int HashBitsMax = 24;

    /// <inheritdoc/>
    public override string ToString() => $"{Header}|{LabelColumn}|{WeightColumn}|{string.Join(',', Categorical)}|{HashBits}|{HashSeed}";
}
