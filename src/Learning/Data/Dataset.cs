using DistSgd.Learning.Csv;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Data;

/// <summary>
/// Labelled sparse examples in memory or, where they are too many (<see cref="IsStreamed"/>), in a cache file, in the order of their source, as one or more <see cref="DatasetSegment"/>s.
/// Immutable; any number of threads may read. Spans taken from it are valid until <see cref="Dispose"/>.
/// </summary>
public sealed class Dataset : IDisposable
{
    private readonly DatasetSegment[] _segments;
    private readonly Lazy<LabelSummary> _labels;
    private readonly CacheSections? _cache;
    private Thread? _cacheWriter;
    private string? _cacheProblem; // the cache writer's; read after it was joined
    private float[] _weights = []; // set before the data set is shared
    private bool _disposed;

    internal Dataset(DatasetSegment[] segments, DatasetFacts facts, CacheSections? cache = null)
    {
        _segments = segments;
        _cache = cache;
        Facts = facts;
        foreach (var segment in segments)
        {
            RowCount += segment.RowCount;
            NonZeroCount += segment.NonZeroCount;
        }
        _labels = new Lazy<LabelSummary>(() => LabelSummary.Of(this));
    }

    /// <summary>The segments, in row order; at least one.</summary>
    public IReadOnlyList<DatasetSegment> Segments => _segments;

    /// <summary>Rows of all segments.</summary>
    public long RowCount { get; }

    /// <summary>Indices and values of all segments.</summary>
    public long NonZeroCount { get; }

    /// <summary>1 + the largest 0-based index that occurs; 0 if none does.</summary>
    public long FeatureCount => Facts.FeatureCount;

    /// <summary>Length in bytes of the (decompressed) source text; for generated data, of the text that would hold it, or 0.</summary>
    public long SourceBytes => Facts.SourceBytes;

    /// <summary>The number of the first feature in the source: <see cref="IndexBase.Zero"/> or <see cref="IndexBase.One"/>.</summary>
    public IndexBase IndexBase => Facts.IndexBase;

    /// <summary>How <see cref="IndexBase"/> became known.</summary>
    public IndexBaseOrigin IndexBaseOrigin => Facts.IndexBaseOrigin;

    /// <summary>How many (index, value) pairs were dropped because of <see cref="ReadOptions.ExpectedFeatures"/>.</summary>
    public long IgnoredFeatureCount => Facts.IgnoredFeatureCount;

    /// <summary>Bytes of text that were parsed to make this: 0 if it came from a cache.</summary>
    public long ParsedBytes { get; internal init; }

    /// <summary>The size of the images that the rows are, as far as the file says; null: they are none. Pixels lie line by line.</summary>
    public ImageSize? Image => Facts.Image;

    /// <summary>How its columns became features; null but for separated text.</summary>
    public CsvLayout? Layout => Facts.Layout;

    /// <summary>Whether rows have labels; only separated text without the label's column has none.</summary>
    public bool HasLabels => Facts.HasLabels;

    /// <summary>The file it was read from, as it was named; null if it was made in memory.</summary>
    public string? Path { get; internal init; }

    /// <summary>What labels occur. Computed when first asked for.</summary>
    public LabelSummary Labels => _labels.Value;

    /// <summary>What a person may want to know about how this was read: the cache used, refused or not written, and why. Null if nothing.</summary>
    public string? Notice { get; internal set; }

    internal DatasetFacts Facts { get; }

    internal RowTargets Targets { get; init; } = RowTargets.None;

    // With weights that were given apart: a cache may be being written of the rest.
    internal RowTargets AllTargets => _weights.Length == 0 ? Targets : Targets with { Weights = _weights };

    /// <summary>The file that the rows' weights were read from; null: they were not, or came with the rows.</summary>
    public string? WeightsPath { get; internal set; }

    /// <summary>Rows of the source: more than there are here, if this is a choice of them.</summary>
    public long SourceRowCount { get => Math.Max(field, RowCount); internal init; }

    /// <summary>Where a row's line starts in its source, in bytes.</summary>
    /// <param name="row">From 0 to RowCount − 1.</param>
    public long LineOffset(long row)
    {
        var segment = _segments[SegmentOf(row)];
        return segment.LineOffsets[(int)(row - segment.FirstRow)];
    }

    /// <summary>What was done with each row since it was read.</summary>
    public RowPreprocessing Preprocessing { get; internal init; } = RowPreprocessing.None;

    /// <summary>Whether indices and values stay in a cache file, as they are more than the reader was allowed (<see cref="ReadOptions.MemoryMax"/>): they are read whenever a row is asked for.</summary>
    public bool IsStreamed { get; internal init; }

    /// <summary>Gives each row a weight.</summary>
    /// <param name="weights">One a row, each 0 or more, not all 0.</param>
    /// <exception cref="ArgumentException">They are not as described.</exception>
    public void Weigh(float[] weights)
    {
        if (weights.Length != RowCount) throw new ArgumentException($"There are {weights.Length:N0} weights for {RowCount:N0} rows; expected one a row.", nameof(weights));
        if (!weights.All(weight => float.IsFinite(weight) && weight >= 0)) throw new ArgumentException("A weight is negative or not finite; expected 0 or more.", nameof(weights));
        _weights = weights;
    }

    /// <summary>True if every row belongs to a query (qid).</summary>
    public bool HasQueries => Targets.Queries.Length > 0;

    /// <summary>What each row counts, 0 or more; empty: each counts 1.</summary>
    public ReadOnlySpan<float> Weights => AllTargets.Weights;

    /// <summary>True if rows may have none or several labels.</summary>
    public bool HasLabelSets => Targets.SetStarts.Length > 0;

    /// <summary>The distinct labels of all rows' label sets, ascending.</summary>
    public IReadOnlyList<float> SetLabels => [.. Targets.SetLabels.Distinct().Order()];

    /// <summary>The number of a row's query; 0 where there are no queries.</summary>
    /// <param name="row">From 0 to RowCount − 1.</param>
    public long Query(long row) => HasQueries ? Targets.Queries[row] : 0;

    /// <summary>A row's labels, ascending: one, where rows have one.</summary>
    /// <param name="row">From 0 to RowCount − 1.</param>
    public ReadOnlySpan<float> LabelSet(long row)
    {
        if (HasLabelSets) return Targets.SetLabels.AsSpan(Targets.SetStarts[row]..Targets.SetStarts[row + 1]);
        var segment = _segments[SegmentOf(row)];
        return segment.Labels.Slice((int)(row - segment.FirstRow), 1);
    }

    /// <summary>A row's label, as written in the file.</summary>
    /// <param name="row">From 0 to RowCount − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public float Label(long row)
    {
        var segment = _segments[SegmentOf(row)];
        return segment.Labels[(int)(row - segment.FirstRow)];
    }

    /// <summary>One row by its number in the data set, found by binary search over the segments; where rows are streamed, valid until the same thread asks for another.</summary>
    /// <param name="row">From 0 to RowCount − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    /// <exception cref="DatasetException">Rows are streamed, and somebody has shortened or overwritten the cache.</exception>
    public SparseRow Row(long row)
    {
        var segment = _segments[SegmentOf(row)];
        return segment[(int)(row - segment.FirstRow)];
    }

    /// <summary>Index in <see cref="Segments"/> of the segment that holds a row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public int SegmentOf(long row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, RowCount);
        int low = 0;
        int high = _segments.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_segments[middle].FirstRow <= row) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /// <summary>Indices and values of one row.</summary>
    internal int CountNonZeros(long row)
    {
        var segment = _segments[SegmentOf(row)];
        var starts = segment.RowStarts.Slice((int)(row - segment.FirstRow), 2);
        return starts[1] - starts[0];
    }

    /// <summary>Indices and values of consecutive rows.</summary>
    /// <param name="firstRow">The first of them.</param>
    /// <param name="rowCount">How many rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no such rows.</exception>
    public long CountNonZeros(long firstRow, long rowCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rowCount, RowCount - firstRow);
        long count = 0;
        foreach (var segment in _segments)
        {
            int first = (int)Math.Clamp(firstRow - segment.FirstRow, 0, segment.RowCount);
            int end = (int)Math.Clamp(firstRow + rowCount - segment.FirstRow, 0, segment.RowCount);
            count += segment.RowStarts[end] - segment.RowStarts[first];
        }
        return count;
    }

    /// <summary>The rows whose lines start in a partition's stripes of the source; stripes without rows are left out.</summary>
    /// <param name="partition">Which part.</param>
    public RowRange[] Rows(Partition partition)
    {
        var rows = new List<RowRange>();
        foreach (var (startByte, endByte) in partition.ByteRanges(SourceBytes))
        {
            long start = FirstRowFrom(startByte);
            long end = FirstRowFrom(endByte);
            if (end > start) rows.Add(new RowRange(start, end - start));
        }
        return [.. rows];
    }

    /// <summary>
    /// Opens a data file; its content and name tell the format, if the options don't. IDX: <see cref="IdxReader"/>. Text: from its cache if that is valid, else by parsing it (and then, in the
    /// background, writing the cache).
    /// </summary>
    /// <param name="path">LIBSVM text, separated text or IDX, plain or gzip.</param>
    /// <param name="options">How to read it.</param>
    /// <param name="cache">Whether and where a cache is used.</param>
    /// <exception cref="DatasetException">The file is missing, empty, malformed, truncated or changes while it is read.</exception>
    public static Dataset Open(string path, ReadOptions? options = null, CacheOptions? cache = null)
    {
        options ??= new ReadOptions();
        DataFormat format = FormatDetection.Of(path, options);
        Dataset data = format == DataFormat.Idx ? IdxReader.Read(path, null, options.CancellationToken) : DatasetCache.Open(path, options with { Format = format }, cache ?? new CacheOptions());
        if (options.Weights is null) return data;
        try
        {
            float[] weights = WeightsFile.Read(options.Weights);
            if (!data.Weights.IsEmpty) throw new DatasetException(options.Weights, $"weights are given twice: here, and in a column of {path}.");
            if (weights.Length != data.RowCount) throw new DatasetException(options.Weights, $"there are {weights.Length:N0} weights, but {data.RowCount:N0} rows in {path}; expected one a row.");
            data.Weigh(weights);
            data.WeightsPath = options.Weights;
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens what one partition needs, parsing as little as possible: the whole set, streamed, from a valid cache; else, of a plain file, the partition's byte ranges only; else (gzip, which
    /// can't be read from its middle, and <see cref="CacheMode.Require"/>) the whole set by parsing it, as <see cref="Open"/> does.
    /// </summary>
    /// <param name="path">LIBSVM text, separated text or IDX, plain or gzip.</param>
    /// <param name="partition">Which part.</param>
    /// <param name="options">How to read it; <see cref="ReadOptions.IndexBase"/>, or for separated text the layout, must be given, as a part cannot tell it.</param>
    /// <param name="cache">Whether and where a cache is used.</param>
    /// <returns>The data set, which the caller disposes, and the partition's rows in it, maybe none.</returns>
    /// <exception cref="DatasetException">As <see cref="Open"/>.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or no index base is given.</exception>
    public static (Dataset Data, RowRange[] Rows) OpenPartition(string path, Partition partition, ReadOptions options, CacheOptions? cache = null)
    {
        DataFormat format = options.Layout is not null ? DataFormat.Csv : IdxReader.Recognizes(path) ? DataFormat.Idx : DataFormat.Libsvm;
        if (options.Weights is not null)
        {
            // Weights go by the row's number in the whole file.
            Dataset weighed = Open(path, options with { Format = format }, cache);
            return (weighed, weighed.Rows(partition));
        }
        if (format != DataFormat.Idx) return DatasetCache.OpenPartition(path, partition, options with { Format = format }, cache ?? new CacheOptions());
        Dataset whole = IdxReader.Read(path, null, options.CancellationToken);
        return (whole, whole.Rows(partition));
    }

    /// <summary>Where the cache of a data file lies, if it lies beside it.</summary>
    public static string CachePath(string path) => DatasetCache.PathOf(path, null);

    /// <summary>Waits until a cache that is being written in the background is complete.</summary>
    /// <returns>Null, or why none was written.</returns>
    public string? WaitForCache()
    {
        _cacheWriter?.Join();
        return _cacheProblem;
    }

    /// <summary>Waits for a cache being written, then frees the memory.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        WaitForCache();
        foreach (var segment in _segments) segment.Free();
        _cache?.Dispose();
    }

    /// <summary>Starts the cache's writer; it must not throw.</summary>
    internal void WriteInBackground(Func<string?> write)
    {
        _cacheWriter = new Thread(() => _cacheProblem = write()) { IsBackground = true, Name = "cache writer" };
        _cacheWriter.Start();
    }

    private long FirstRowFrom(long byteOffset)
    {
        int low = 0;
        int high = _segments.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            var offsets = _segments[middle].LineOffsets;
            if (offsets.Length == 0 || offsets[^1] < byteOffset) low = middle + 1;
            else high = middle;
        }
        if (low == _segments.Length) return RowCount;
        int at = _segments[low].LineOffsets.BinarySearch(byteOffset);
        return _segments[low].FirstRow + (at < 0 ? ~at : at);
    }
}

/// <summary>What is known of a data set besides its rows.</summary>
internal sealed record DatasetFacts
{
    public required long SourceBytes { get; init; }

    public required long FeatureCount { get; init; }

    public required IndexBase IndexBase { get; init; }

    public required IndexBaseOrigin IndexBaseOrigin { get; init; }

    public long IgnoredFeatureCount { get; init; }

    public ImageSize? Image { get; init; }

    public CsvLayout? Layout { get; init; }

    public bool HasLabels { get; init; } = true;
}
