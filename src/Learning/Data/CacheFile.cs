using System.Runtime.InteropServices;
using DistSgd.Kernels;
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
        MappedFile? file = null;
        try
        {
            file = MappedFile.Open(path, CacheHeader.PrefixBytes);
            var data = Open(file, key, options, source, out refusal);
            if (data is not null) file = null;
            return data;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            refusal = error is InvalidDataException ? "it is truncated" : $"it cannot be read ({error.Message})";
            return null;
        }
        finally
        {
            file?.Dispose();
        }
    }

    private static Dataset? Open(MappedFile file, CacheKey key, ReadOptions options, string source, out string? refusal)
    {
        var prefix = file.Span<byte>(0, CacheHeader.PrefixBytes);
        refusal = CacheHeader.CheckPrefix(prefix, file.Length, out int bodyBytes);
        if (refusal is not null) return null;
        var header = CacheHeader.FromBody(prefix, file.Span<byte>(CacheHeader.PrefixBytes, bodyBytes).ToArray());
        refusal = header is null ? "its header is damaged" : Mismatch(header, key, options);
        if (header is null || refusal is not null) return null;
        var places = header.Sections(out long end);
        if (end != file.Length) refusal = $"it has {file.Length} bytes where its header says {end}: it is truncated or damaged";
        else if (!SectionsAreWhole(file, header, places, options)) refusal = "its data is damaged (a checksum is wrong)";
        if (refusal is not null) return null;

        var segments = new DatasetSegment[header.Segments.Length];
        var weights = new float[header.HasWeights ? header.Segments.Sum(segment => (long)segment.Rows) : 0];
        long row = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            var (rows, nonZeros, _) = header.Segments[i];
            var at = places.AsSpan(i * CacheHeader.SectionsPerSegment);
            segments[i] = new DatasetSegment(
                row,
                new SegmentColumn<int>(file, at[0].Start, rows + 1),
                new SegmentColumn<uint>(file, at[1].Start, nonZeros),
                new SegmentColumn<float>(file, at[2].Start, nonZeros),
                new SegmentColumn<float>(file, at[3].Start, rows),
                new SegmentColumn<long>(file, at[4].Start, rows));
            if (header.HasWeights) file.Span<float>(at[5].Start, rows).CopyTo(weights.AsSpan((int)row));
            row += rows;
        }
        return new Dataset(segments, header.Facts, file) { Path = source, ExceedsMemory = file.Length > options.MemoryMax, Targets = RowTargets.None with { Weights = weights } };
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

    private static bool SectionsAreWhole(MappedFile file, CacheHeader header, (long Start, long Bytes)[] places, ReadOptions options)
    {
        int damaged = 0;
        int threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        Parallel.For(0, places.Length, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = options.CancellationToken }, i =>
        {
            uint expected = header.Segments[i / CacheHeader.SectionsPerSegment].Checksums[i % CacheHeader.SectionsPerSegment];
            if (Checksum.Of(file.Span<byte>(places[i].Start, checked((int)places[i].Bytes))) != expected) Interlocked.Increment(ref damaged);
            if (file.Length > options.MemoryMax) file.Forget();
        });
        return damaged == 0;
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
