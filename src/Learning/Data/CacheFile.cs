using System.Runtime.InteropServices;
using DistSgd.Learning.Formats;

namespace DistSgd.Learning.Data;

/// <summary>Writes and opens cache files. A file that is not whole, valid and made from the source as it is now is refused with the reason.</summary>
internal static class CacheFile
{
    /// <summary>Writes the cache: whole under its name, or not at all.</summary>
    /// <returns>Null, or why it could not be written.</returns>
    public static string? TryWrite(string path, Dataset data, CacheKey key, ReadOptions options)
    {
        try
        {
            var segments = data.Segments.Select(s => new CacheHeader.Segment(s.RowCount, s.NonZeroCount, SectionsOf(s, data, Checksum.Of))).ToArray();
            var header = new CacheHeader(key, CacheAsked.Of(options), data.Facts, data.Targets.Weights.Length > 0, segments);
            var places = header.Sections(out _);
            AtomicFile.Write(path, stream =>
            {
                stream.Write(header.ToBytes());
                int next = 0;
                foreach (var segment in data.Segments)
                {
                    SectionsOf(segment, data, bytes =>
                    {
                        options.CancellationToken.ThrowIfCancellationRequested();
                        while (stream.Position < places[next].Start) stream.WriteByte(0);
                        stream.Write(bytes);
                        next++;
                        return 0u;
                    });
                }
            });
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"no cache was written to {path}: {error.Message}";
        }
    }

    /// <summary>Opens a cache.</summary>
    /// <param name="path">The cache file.</param>
    /// <param name="key">The source as it is now.</param>
    /// <param name="options">How the source is to be read.</param>
    /// <param name="source">The source, as it was named.</param>
    /// <param name="refusal">Why the cache is not used; null if it is, or if there is none.</param>
    public static Dataset? TryOpen(string path, CacheKey key, ReadOptions options, string source, out string? refusal)
    {
        refusal = null;
        if (!File.Exists(path)) return null;
        CacheSource? file = null;
        try
        {
            file = CacheSource.Open(path);
            var data = Open(file, key, options, source, out refusal);
            if (data is { IsStreamed: true }) file = null;
            return data;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            refusal = $"it cannot be read ({error.Message})";
            return null;
        }
        finally
        {
            file?.Dispose();
        }
    }

    private static Dataset? Open(CacheSource file, CacheKey key, ReadOptions options, string source, out string? refusal)
    {
        refusal = "it is truncated";
        var prefix = new byte[CacheHeader.PrefixBytes];
        if (!file.TryRead(0, prefix)) return null;
        refusal = CacheHeader.CheckPrefix(prefix, file.Length, out int bodyBytes);
        if (refusal is not null) return null;
        var body = new byte[bodyBytes];
        refusal = "it is truncated";
        if (!file.TryRead(CacheHeader.PrefixBytes, body)) return null;
        var header = CacheHeader.FromBody(prefix, body);
        refusal = header is null ? "its header is damaged" : Mismatch(header, key, options);
        if (header is null || refusal is not null) return null;
        var places = header.Sections(out long end);
        refusal = end != file.Length ? $"it has {file.Length} bytes where its header says {end}: it is truncated or damaged" : null;
        if (refusal is not null) return null;

        var sections = new CacheSections(file, header, places, streams: file.Length > options.MemoryMax);
        try
        {
            if (sections.Read(options)) return sections.ToDataset(source);
        }
        catch
        {
            sections.Dispose();
            throw;
        }
        sections.Dispose();
        refusal = "its data is damaged (a checksum is wrong)";
        return null;
    }

    private static string? Mismatch(CacheHeader header, CacheKey key, ReadOptions options)
    {
        if (header.Key != key) return "the data file has changed since it was made";
        if (options.Format == DataFormat.Csv || header.Facts.Layout is not null)
        {
            bool same = options.Format == DataFormat.Csv && (options.Layout is null ? header.Asked == CacheAsked.Of(options) : options.Layout.Equals(header.Facts.Layout));
            return same ? null : "it was made with other options for the file's format or columns";
        }
        bool sameBase = options.IndexBase == header.Asked.IndexBase || options.IndexBase == header.Facts.IndexBase;
        if (!sameBase) return $"it was made with index base {header.Asked.IndexBase}, and {options.IndexBase} is asked for";
        return header.Facts.FeatureCount > options.FeatureLimit ? "it has more features than the feature limit" : null;
    }

    private static uint[] SectionsOf(DatasetSegment segment, Dataset data, SectionFunction function) =>
    [
        function(MemoryMarshal.AsBytes(segment.RowStarts)),
        function(MemoryMarshal.AsBytes(segment.Indices)),
        function(MemoryMarshal.AsBytes(segment.Values)),
        function(MemoryMarshal.AsBytes(segment.Labels)),
        function(MemoryMarshal.AsBytes(segment.LineOffsets)),
        function(MemoryMarshal.AsBytes(data.Targets.Weights.Length == 0 ? [] : data.Targets.Weights.AsSpan((int)segment.FirstRow, segment.RowCount))),
    ];

    private delegate uint SectionFunction(ReadOnlySpan<byte> bytes);
}
