using System.Runtime.InteropServices;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Formats;

namespace DistSgd.Learning.Data;

/// <summary>Makes the cache of a plain file of text that is larger than the memory allowed: window by window, each parsed, written as one segment, and forgotten. A CSV file is read twice, as its layout needs all rows.</summary>
internal static class CacheBuilder
{
    private const long WindowBytesMin = 1 << 16;
    private const long WindowBytesMax = 64L << 20;

    // Text, parsed rows and their copy in one piece are in memory at once.
    private const int WindowsInMemory = 8;

    /// <exception cref="DatasetException">The file can't be read, or has rows that a cache doesn't hold, or the cache can't be written.</exception>
    public static void Build(string path, SourceFile source, CacheKey key, ReadOptions options, long memoryMax)
    {
        long window = Math.Clamp(memoryMax / WindowsInMemory, Math.Min(WindowBytesMin, options.ThreadBytesMin), WindowBytesMax);
        int windows = checked((int)((source.Bytes + window - 1) / window));
        CacheAsked asked = CacheAsked.Of(options);
        if (options.Format == DataFormat.Csv) options = options with { Layout = options.Layout ?? CsvReader.Fit(source, options, window) };
        bool isAuto = options.IndexBase == IndexBase.Auto && options.Layout is null, hasWeights = options.Layout?.Columns.Any(column => column.Role == CsvRole.Weight) == true;
        if (isAuto) options = options with { IndexBase = BaseOf(source, options) };
        var segments = new CacheHeader.Segment[windows];
        Array.Fill(segments, new CacheHeader.Segment(0, 0, new uint[CacheHeader.SectionsPerSegment]));
        var facts = new DatasetFacts
        {
            SourceBytes = source.Bytes,
            FeatureCount = 0,
            Layout = options.Layout,
            IndexBase = options.Layout is null ? options.IndexBase : IndexBase.Zero,
            IndexBaseOrigin = !isAuto ? IndexBaseOrigin.Given : options.IndexBase == IndexBase.Zero ? IndexBaseOrigin.ZeroSeen : IndexBaseOrigin.NoZeroSeen,
        };
        try
        {
            AtomicFile.Write(path, stream =>
            {
                stream.Position = new CacheHeader(key, asked, facts, hasWeights, segments).Bytes;
                long row = 0;
                for (int i = 0; i < windows; i++)
                {
                    using Dataset part = Window(source, options, i * window, Math.Min(source.Bytes, (i + 1) * window));
                    segments[i] = Write(stream, part, hasWeights);
                    facts = facts with { FeatureCount = Math.Max(facts.FeatureCount, part.FeatureCount) };
                    row += part.RowCount;
                }
                if (row == 0) throw new DatasetException(source.Path, "the file has no rows, only blank lines or comments; expected one example a line.");
                source.CheckUnchanged();
                stream.Position = 0;
                stream.Write(new CacheHeader(key, asked, facts, hasWeights, segments).ToBytes());
            });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(source.Path, $"the file doesn't fit in the memory allowed, and its cache {path} can't be written: {error.Message}", error);
        }
    }

    private static IndexBase BaseOf(SourceFile source, ReadOptions options)
    {
        using Dataset sample = LibsvmReader.ReadRange(source, options, 0, Math.Min(source.Bytes, 1 << 20));
        return sample.IndexBase;
    }

    private static Dataset Window(SourceFile source, ReadOptions options, long start, long end)
    {
        Dataset part = options.Layout is null ? LibsvmReader.ReadRange(source, options, start, end) : CsvReader.ReadRange(source, options, start, end);
        if (!part.HasQueries && !part.HasLabelSets) return part;
        part.Dispose();
        throw new DatasetException(source.Path, "the file doesn't fit in the memory allowed, and rows with queries or several labels can't be streamed; give more memory.");
    }

    // The window's rows as one segment, wherever the parser's ended.
    private static CacheHeader.Segment Write(Stream stream, Dataset part, bool hasWeights)
    {
        using Dataset whole = part.Segments.Count == 1 ? part : RowSelection.Copy(part, [new RowRange(0, part.RowCount)]);
        DatasetSegment segment = whole.Segments[0];
        if (whole.Segments.Count > 1) throw new DatasetException(part.Path!, "a part of the file has too many values for one segment of a cache.");
        var checksums = new List<uint>();
        Section(MemoryMarshal.AsBytes(segment.RowStarts));
        Section(MemoryMarshal.AsBytes(segment.Indices));
        Section(MemoryMarshal.AsBytes(segment.Values));
        Section(MemoryMarshal.AsBytes(segment.Labels));
        Section(MemoryMarshal.AsBytes(segment.LineOffsets));
        Section(hasWeights ? MemoryMarshal.AsBytes(whole.Weights) : []);
        return new CacheHeader.Segment(segment.RowCount, segment.NonZeroCount, [.. checksums]);

        void Section(ReadOnlySpan<byte> bytes)
        {
            while (stream.Position < CacheHeader.Aligned(stream.Position)) stream.WriteByte(0);
            stream.Write(bytes);
            checksums.Add(Checksum.Of(bytes));
        }
    }
}
