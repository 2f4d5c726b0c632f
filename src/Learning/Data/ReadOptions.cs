using DistSgd.Learning.Csv;

namespace DistSgd.Learning.Data;

/// <summary>What a data file is.</summary>
public enum DataFormat
{
    /// <summary>Found out from the file's first bytes and lines, and from its name.</summary>
    Auto,

    /// <summary>LIBSVM text.</summary>
    Libsvm,

    /// <summary>Separated text: CSV, also with semicolons or tabs.</summary>
    Csv,

    /// <summary>IDX, the format of MNIST.</summary>
    Idx,
}

/// <summary>How a data file is read.</summary>
public sealed record ReadOptions
{
    /// <summary>Largest value of <see cref="Threads"/>.</summary>
    public const int MaxThreads = 1024;

    /// <summary>The file's format; by default found out.</summary>
    public DataFormat Format { get; init; }

    /// <summary>What is known of the columns of separated text, where no <see cref="Layout"/> is given.</summary>
    public CsvOptions Csv { get; init; } = new();

    /// <summary>How the columns of separated text become features, as a model's training data had it; null: found out from the file.</summary>
    public CsvLayout? Layout { get; init; }

    /// <summary>A plain file of text with more bytes than this is not parsed into memory but, part by part, into its cache, and a cache with more bytes is streamed. Null: files lie in memory.</summary>
    public long? MemoryMax { get; init; }

    /// <summary>A file with the rows' weights, one number a line; null: none.</summary>
    public string? Weights { get; init; }

    /// <summary>Whether labels of separated text are left unread: they may be missing, or unknown.</summary>
    public bool LabelsIgnored { get; init; }

    /// <summary>The number of the first feature of LIBSVM text; by default found out.</summary>
    public IndexBase IndexBase { get; init; } = IndexBase.Auto;

    /// <summary>Threads that parse; 0 (the default): one for each processor. At most <see cref="MaxThreads"/>. Small files use fewer.</summary>
    public int Threads { get; init; }

    /// <summary>A file with more features than this is refused. At most (and by default) 2³² − 1.</summary>
    public uint FeatureLimit { get; init; } = uint.MaxValue;

    /// <summary>
    /// If given (at prediction: the model's feature count), features from this 0-based index on are dropped and counted in
    /// <see cref="Dataset.IgnoredFeatureCount"/>; then <see cref="IndexBase"/> must be given too.
    /// </summary>
    public uint? ExpectedFeatures { get; init; }

    /// <summary>Gives up reading, between blocks of text; an <see cref="OperationCanceledException"/> is thrown, and no cache is left half-written.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Bytes of text read and parsed at a time. Tests make it small.</summary>
    internal int BlockBytes { get; init; } = 128 << 10;

    /// <summary>Most bytes of text whose rows go into one segment. Tests make it small.</summary>
    internal long SegmentBytesMax { get; init; } = 256L << 20;

    /// <summary>Least bytes of text for which another thread is started.</summary>
    internal long ThreadBytesMin { get; init; } = 512 << 10;

    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    internal void Validate()
    {
        if (Threads is < 0 or > MaxThreads) throw new ArgumentException($"Threads is {Threads}; expected 0 (one for each processor) to {MaxThreads}.");
        if (FeatureLimit == 0) throw new ArgumentException("FeatureLimit is 0; expected at least 1.");
        if (ExpectedFeatures is not null && IndexBase == IndexBase.Auto)
            throw new ArgumentException("ExpectedFeatures is given without IndexBase; give the index base that the model was trained with.");
    }
}
