using System.CommandLine;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The options that say how training and test files are read.</summary>
internal static class DataArguments
{
    private static readonly ValueOption Format = Arguments.Choice("--format", "What the data files are; auto: told by content and name.", typeof(DataFormat), "auto");
    private static readonly ValueOption Header = Arguments.Choice("--header", "Whether the first line of a CSV file names its columns.", typeof(CsvHeader), "auto");
    private static readonly ValueOption Label = Column("--label-column", "Column of a CSV file with the labels, by name or by number from 1; default: label, target, class or y, else the last.");
    private static readonly ValueOption Weight = Column("--weight-column", "Column of a CSV file with the rows' weights; default: each row counts 1.");
    private static readonly ValueOption Weights = Arguments.FilePath("--weights", "Weights of the training data's rows, one number a line; default: each row counts 1.");
    private static readonly ValueOption Categorical = Arguments.Text("--categorical", "Columns of a CSV file that hold categories though they look like numbers.", "COLUMN,…", text => Names(text).All(name => name.Length > 0), "names of columns, or numbers from 1, separated by commas");
    private static readonly ValueOption HashBits = Arguments.Number(TrainingRanges.HashBits, "Hash the features of LIBSVM data, or the categories of a CSV file, to 2^N features; default: 18 for categories, features are not hashed.");
    private static readonly ValueOption Base = Arguments.Choice("--index-base", "Lowest feature index of LIBSVM files.", typeof(IndexBase), "auto");
    private static readonly ValueOption Cache = Arguments.Choice("--cache", "Binary cache beside the data, so that a second run does not parse: auto writes one for files of 8 MiB or more, require for files of any size, and fails if it cannot; one that is damaged, or made before the data changed, is made anew.", typeof(CacheMode), "auto");

    /// <summary>All of them, in the help's order.</summary>
    public static ValueOption[] All { get; } = [Format, Header, Label, Weight, Weights, Categorical, HashBits, Base, Cache];

    private static ValueOption[] Columns { get; } = [Header, Label, Weight, Categorical];

    /// <summary>How the training file is read.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="init">The model that training begins with: the file is read as its data was; null: none.</param>
    /// <param name="memoryMax">Most bytes of a file that are parsed into memory.</param>
    /// <param name="hashSeed">Seed of the categories' hash.</param>
    /// <param name="cancellationToken">Gives up reading.</param>
    public static ReadOptions Read(ParseResult parsed, TrainedModel? init, long memoryMax, ulong hashSeed, CancellationToken cancellationToken) => new()
    {
        Format = (DataFormat)parsed.Chosen(Format, typeof(DataFormat))!,
        Weights = parsed.GetValue(Weights),
        MemoryMax = memoryMax,
        Layout = init?.Layout,
        IndexBase = init is { Layout: null } && !parsed.IsGiven(Base) ? init.IndexBase : (IndexBase)parsed.Chosen(Base, typeof(IndexBase))!,
        CancellationToken = cancellationToken,
        Csv = new CsvOptions
        {
            Header = (CsvHeader)parsed.Chosen(Header, typeof(CsvHeader))!,
            LabelColumn = parsed.GetValue(Label),
            WeightColumn = parsed.GetValue(Weight),
            Categorical = parsed.GetValue(Categorical) is { } names ? Names(names) : [],
            HashBits = parsed.Count(HashBits) ?? CsvLayout.HashBitsDefault,
            HashSeed = hashSeed,
        },
    };

    /// <summary>An option that would have no effect, as the training file is of another format; null: none.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="format">What the file is.</param>
    /// <param name="name">The file, for people.</param>
    public static string? Unused(ParseResult parsed, DataFormat format, string name)
    {
        if (format != DataFormat.Csv && Columns.FirstOrDefault(parsed.IsGiven) is { } column)
            return $"{column.Name} {parsed.GetValue(column)} is for the columns of separated text, and {name} has none; leave it out, or say --format csv.";
        if (format != DataFormat.Libsvm && parsed.IsGiven(Base))
            return $"{Base.Name} {parsed.GetValue(Base)} is for LIBSVM text, and {name} is none; leave it out, or say --format libsvm.";
        return null;
    }

    /// <summary>Bits for categories of a file that has none; null: they aren't given, or it has some.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="layout">The file's columns; null: it has none.</param>
    public static string? Unused(ParseResult parsed, CsvLayout? layout) => layout is { HasCategories: false } && parsed.IsGiven(HashBits)
        ? $"{HashBits.Name} {parsed.GetValue(HashBits)} is for categories, and no column of the data holds any; leave it out, or name some with --categorical."
        : null;

    /// <summary>An option that contradicts what a model keeps of its training data; null: none.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="init">The model that training begins with.</param>
    /// <param name="path">Its file.</param>
    public static string? Contradiction(ParseResult parsed, TrainedModel init, string path)
    {
        if (init.Layout is not null && ((ValueOption[])[.. Columns, HashBits]).FirstOrDefault(parsed.IsGiven) is { } column)
            return $"{column.Name} {parsed.GetValue(column)} has no effect with --init {path}, which keeps the columns of its training data; leave it out.";
        var format = (DataFormat)parsed.Chosen(Format, typeof(DataFormat))!;
        if (format != DataFormat.Auto && (format == DataFormat.Csv) != (init.Layout is not null))
            return $"{Format.Name} {parsed.GetValue(Format)} doesn't go with --init {path}, which was trained on {(init.Layout is null ? "numbered features" : "columns of separated text")}; leave it out, or give a model of such data.";
        var lowest = (IndexBase)parsed.Chosen(Base, typeof(IndexBase))!;
        return init.Layout is null && lowest != IndexBase.Auto && lowest != init.IndexBase
            ? $"{Base.Name} {parsed.GetValue(Base)} doesn't go with --init {path}, which numbers features from {(init.IndexBase == IndexBase.Zero ? 0 : 1)}; leave it out."
            : null;
    }

    /// <summary>The option that says what rows count; null: none is given.</summary>
    public static ValueOption? WeightsGiven(ParseResult parsed) => ((ValueOption[])[Weights, Weight]).FirstOrDefault(parsed.IsGiven);

    /// <summary>The sentence that refuses weights from two places; null: they aren't given twice.</summary>
    public static string? WeightsTwice(ParseResult parsed) => parsed.IsGiven(Weights) && parsed.IsGiven(Weight)
        ? $"{Weights.Name} {parsed.GetValue(Weights)} and {Weight.Name} {parsed.GetValue(Weight)} both say what rows count; give one of them."
        : null;

    /// <summary>Bits that features are hashed to; null: not given.</summary>
    public static int? HashBitsOf(ParseResult parsed) => parsed.Count(HashBits);

    /// <summary>The file of weights; null: none.</summary>
    public static string? WeightsOf(ParseResult parsed) => parsed.GetValue(Weights);

    /// <summary>Whether a binary cache is used.</summary>
    public static CacheMode CacheOf(ParseResult parsed) => (CacheMode)parsed.Chosen(Cache, typeof(CacheMode))!;

    private static ValueOption Column(string name, string description) => Arguments.Text(name, description, "COLUMN", text => text.Trim().Length > 0, "the name of a column, or its number from 1");

    private static string[] Names(string text) => text.Split(',', StringSplitOptions.TrimEntries);
}
