namespace DistSgd.Learning.Data;

/// <summary>
/// Reads LIBSVM text, <c>label[,label…] [qid:number] index:value index:value … [# comment]</c>, plain or gzip (told by its first bytes). Blank lines, tabs, CRLF, rows with indices in any
/// order are accepted; labels and values are the nearest float32. A plain file is parsed by several threads, each reading its own byte ranges; gzip is inflated on one
/// thread and parsed on another. Nothing is allocated per line.
/// </summary>
public static class LibsvmReader
{
    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read it; null: the defaults.</param>
    /// <returns>The data set; the caller disposes it.</returns>
    /// <exception cref="DatasetException">The file is missing, empty, without rows, truncated, or changes while it is read.</exception>
    /// <exception cref="DatasetFormatException">A line is malformed; if several are, the first.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static Dataset Read(string path, ReadOptions? options = null)
    {
        using var source = SourceFile.Open(path);
        return Read(source, options ?? new ReadOptions());
    }

    /// <summary>Reads one partition of a plain file, and nothing else of it. It may have no rows.</summary>
    /// <param name="path">The file; not gzip.</param>
    /// <param name="partition">Which part.</param>
    /// <param name="options">How to read it; <see cref="ReadOptions.IndexBase"/> must be given, as a part cannot tell it.</param>
    /// <exception cref="DatasetException">As <see cref="Read(string, ReadOptions?)"/>; or the file is gzip.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or no index base is given.</exception>
    public static Dataset ReadPartition(string path, Partition partition, ReadOptions options)
    {
        options.Validate();
        if (options.IndexBase == IndexBase.Auto) throw new ArgumentException("A partition cannot tell the file's index base; give IndexBase.Zero or IndexBase.One.");
        using var source = SourceFile.Open(path);
        return ReadPartition(source, partition, options);
    }

    internal static Dataset ReadPartition(SourceFile source, Partition partition, ReadOptions options)
    {
        if (source.IsGzip) throw new DatasetException(source.Path, "a gzip file cannot be read by byte range; decompress it first, or read it whole.");
        return Parse(source, options, () => PlainParse.Run(source, options, partition.ByteRanges(source.Bytes), bytes => new LibsvmRows(options, bytes)), rowsNeeded: 0);
    }

    /// <summary>Reads the lines that start in a byte range of a plain file.</summary>
    internal static Dataset ReadRange(SourceFile source, ReadOptions options, long start, long end) =>
        Parse(source, options, () => PlainParse.Run(source, options, [(start, end)], bytes => new LibsvmRows(options, bytes)), rowsNeeded: 0);

    internal static Dataset Read(SourceFile source, ReadOptions options)
    {
        options.Validate();
        return Parse(source, options, () => source.IsGzip
            ? StreamParse.Run(source, options, StreamParse.Lines, new LibsvmRows(options, options.SegmentBytesMax))
            : PlainParse.Run(source, options, [(0, source.Bytes)], bytes => new LibsvmRows(options, bytes)), rowsNeeded: 1);
    }

    private static Dataset Parse(SourceFile source, ReadOptions options, Func<ParsedText> parse, int rowsNeeded)
    {
        ParsedText? parsed = null;
        try
        {
            parsed = parse();
            source.CheckUnchanged();
            var data = Assemble(parsed, options, source.Path, isWhole: rowsNeeded > 0);
            if (data.RowCount < rowsNeeded) throw new DatasetException(source.Path, "the file has no rows, only blank lines or comments; expected one example a line.");
            return data;
        }
        catch (LineFaultException fault)
        {
            throw LineNumber.Explain(source, fault);
        }
        catch
        {
            parsed?.Dispose();
            throw;
        }
    }

    private static Dataset Assemble(ParsedText parsed, ReadOptions options, string path, bool isWhole)
    {
        bool sawZero = false;
        uint largest = 0;
        long ignored = 0;
        long parsedBytes = 0;
        LibsvmRows[] parts = [.. parsed.Rows.Cast<LibsvmRows>()];
        foreach (var rows in parts)
        {
            parsedBytes += rows.ParsedBytes;
            sawZero |= rows.SawZeroIndex;
            largest = Math.Max(largest, rows.LargestIndex);
            ignored += rows.IgnoredCount;
        }
        bool isZeroBased = options.IndexBase == IndexBase.Zero || (options.IndexBase == IndexBase.Auto && sawZero);
        long features = isZeroBased && (largest > 0 || sawZero) ? largest + 1L : largest;
        if (options.ExpectedFeatures is null && features > options.FeatureLimit)
            throw new DatasetException(path, $"the largest index is {largest}, which makes {features} features; the feature limit is {options.FeatureLimit}.");

        var segments = new List<DatasetSegment>();
        long row = 0;
        foreach (var draft in parsed.Rows.SelectMany(r => r.Drafts))
        {
            if (isZeroBased && options.IndexBase == IndexBase.Auto) draft.RaiseIndices();
            if (draft.RowCount == 0 && row + segments.Count > 0)
            {
                draft.Dispose();
                continue;
            }
            segments.Add(draft.Seal(row));
            row += draft.RowCount;
        }
        var targets = RowTargets.None;
        if (parts.Any(rows => rows.Notes.Queries.Count + rows.Notes.Sets.Count > 0))
        {
            var labels = new float[row];
            foreach (var segment in segments) segment.Labels.CopyTo(labels.AsSpan((int)segment.FirstRow));
            targets = RowTargets.Join([.. parts.Select(rows => (rows.RowCount, rows.Notes))], labels, path, isWhole);
        }
        return new Dataset([.. segments], new DatasetFacts
        {
            SourceBytes = parsed.SourceBytes,
            FeatureCount = features,
            IndexBase = isZeroBased ? IndexBase.Zero : IndexBase.One,
            IndexBaseOrigin = options.IndexBase != IndexBase.Auto ? IndexBaseOrigin.Given : sawZero ? IndexBaseOrigin.ZeroSeen : IndexBaseOrigin.NoZeroSeen,
            IgnoredFeatureCount = ignored,
        })
        {
            Path = path,
            ParsedBytes = parsedBytes,
            Targets = targets,
        };
    }
}

/// <summary>Rows parsed from a source, in its order.</summary>
internal sealed record ParsedText(IReadOnlyList<TextRows> Rows, long SourceBytes) : IDisposable
{
    public void Dispose()
    {
        foreach (var rows in Rows) rows.Dispose();
    }
}
