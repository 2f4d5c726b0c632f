using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>
/// Reads separated text (RFC 4180, also with semicolons or tabs), plain or gzip. A plain file is parsed by several threads, each reading its own byte ranges; one with line ends within quotes,
/// which can't be cut anywhere, by one.
/// </summary>
internal static class CsvReader
{
    /// <summary>Reads a whole file: by the layout of the options, or one found out from the file.</summary>
    /// <exception cref="DatasetException">The file is damaged, has no rows, or its columns can't be used.</exception>
    /// <exception cref="DatasetFormatException">A line is malformed.</exception>
    public static Dataset Read(SourceFile source, ReadOptions options)
    {
        CsvFilePlan plan = Plan(source, options);
        Dataset data = Parse(source, options, plan, byLine => byLine ? PlainParse.Run(source, options, [(0, source.Bytes)], bytes => new CsvRows(plan, options, bytes, byLine: true))
            : StreamParse.Run(source, options, text => RecordEnds.Last(text, (byte)plan.Layout.Separator), new CsvRows(plan, options, options.SegmentBytesMax, byLine: false)));
        if (data.RowCount > 0) return data;
        data.Dispose();
        throw new DatasetException(source.Path, "the file has no rows; expected one example a line.");
    }

    /// <summary>Reads one partition of a plain file by the layout of the options, and nothing else of it. It may have no rows.</summary>
    public static Dataset ReadPartition(SourceFile source, Partition partition, ReadOptions options)
    {
        CsvFilePlan plan = Plan(source, options);
        return Parse(source, options, plan, _ => PlainParse.Run(source, options, partition.ByteRanges(source.Bytes), bytes => new CsvRows(plan, options, bytes, byLine: true)));
    }

    /// <summary>Finds out the layout of a plain file window by window, keeping no rows.</summary>
    /// <exception cref="DatasetException">As <see cref="Read"/>; or a line ends within quotes, so that the file can't be cut.</exception>
    public static CsvLayout Fit(SourceFile source, ReadOptions options, long windowBytes)
    {
        CsvFilePlan plan = Plan(source, options);
        var parts = new List<CsvRows>();
        for (long start = 0; start < source.Bytes; start += windowBytes)
        {
            foreach (CsvRows part in Range(source, options, plan, start, Math.Min(source.Bytes, start + windowBytes)).Rows.Cast<CsvRows>())
            {
                part.Dispose();
                parts.Add(part);
            }
        }
        return CsvAssembly.Complete(parts, plan);
    }

    /// <summary>Reads the rows that start in a byte range of a plain file, by the layout of the options.</summary>
    public static Dataset ReadRange(SourceFile source, ReadOptions options, long start, long end)
    {
        CsvFilePlan plan = Plan(source, options);
        return CsvAssembly.Assemble(Range(source, options, plan, start, end), plan, source.Path, hasLineEnds: false);
    }

    private static ParsedText Range(SourceFile source, ReadOptions options, CsvFilePlan plan, long start, long end)
    {
        try
        {
            return PlainParse.Run(source, options, [(start, end)], bytes => new CsvRows(plan, options, bytes, byLine: true));
        }
        catch (LineFaultException fault) when (fault.Fault.IsLineEndInField)
        {
            throw new DatasetException(source.Path, "a line ends within quotes, so that the file can't be read in parts, and it doesn't fit in the memory allowed; give more memory.");
        }
        catch (LineFaultException fault)
        {
            throw LineNumber.Explain(source, fault);
        }
    }

    private static CsvFilePlan Plan(SourceFile source, ReadOptions options)
    {
        byte[] sample = TextSample.Read(source, out int markBytes);
        return options.Layout is { } layout ? CsvFilePlan.Match(source.Path, sample, markBytes, layout, options.LabelsIgnored) : CsvFilePlan.Fit(source.Path, sample, markBytes, options.Csv);
    }

    private static Dataset Parse(SourceFile source, ReadOptions options, CsvFilePlan plan, Func<bool, ParsedText> parse)
    {
        ParsedText? parsed = null;
        try
        {
            bool byLine = !source.IsGzip;
            try
            {
                parsed = parse(byLine);
            }
            catch (LineFaultException fault) when (fault.Fault.IsLineEndInField)
            {
                plan.Categories?.Clear();
                parsed = parse(byLine = false);
            }
            source.CheckUnchanged();
            return CsvAssembly.Assemble(parsed, plan, source.Path, hasLineEnds: !byLine && !source.IsGzip);
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
}
