using DistSgd.Kernels;
using DistSgd.Learning.Csv;

namespace DistSgd.Learning.Data;

/// <summary>Decides between cache and parsing, and says what it did.</summary>
internal static class DatasetCache
{
    internal const string Extension = ".dscache";

    public static Dataset Open(string path, ReadOptions options, CacheOptions cache)
    {
        options.Validate();
        using var source = SourceFile.Open(path);
        bool isLarge = source.Bytes > options.MemoryMax && options.ExpectedFeatures is null;
        if (isLarge && (source.IsGzip || cache.Mode == CacheMode.Off))
            throw new DatasetException(path, $"the file has {source.Bytes:N0} bytes, more than the {options.MemoryMax:N0} of memory allowed; {(cache.Mode == CacheMode.Off ? "allow a cache (--cache auto)" : "a gzip file can't be read in parts, so decompress it")}, or give more memory.");
        if (!isLarge && !IsUsed(source, options, cache)) return Parse(source, options);

        string cachePath = PathOf(path, cache.Directory);
        if (FileStatus.Of(cachePath) is { Kind: not FileKind.File } other)
        {
            if (isLarge || cache.Mode == CacheMode.Require) throw new DatasetException(path, $"its cache {cachePath} is {other.What}; expected a file, or none. Move it away.");
            var uncached = Parse(source, options);
            uncached.Notice = $"not cached: {cachePath} is {other.What}";
            return uncached;
        }
        var key = CacheKey.Of(source);
        if (TryOpen(path, cachePath, key, options, out string? refusal) is { } cached) return cached;
        if (isLarge)
        {
            CacheBuilder.Build(cachePath, source, key, options, options.MemoryMax!.Value);
            return TryOpen(path, cachePath, key, options, out refusal) ?? throw new DatasetException(path, $"its cache {cachePath} cannot be used: {refusal}.");
        }
        var data = Parse(source, options);
        if (refusal is not null) data.Notice = $"the cache {cachePath} was not used: {refusal}; it is made anew";
        if (options.Layout is not null) return data;
        if (data.HasQueries || data.HasLabelSets)
        {
            data.Notice = "not cached: the cache holds neither queries nor several labels a row";
            return data;
        }
        if (cache.Mode == CacheMode.Auto)
        {
            data.WriteInBackground(() => WriteQuietly(cachePath, data, key, options));
            return data;
        }
        try
        {
            if (CacheFile.TryWrite(cachePath, data, key, options) is not { } problem) return data;
            throw new DatasetException(path, problem);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private static Dataset Parse(SourceFile source, ReadOptions options) => options.Format == DataFormat.Csv ? CsvReader.Read(source, options) : LibsvmReader.Read(source, options);

    private static string? WriteQuietly(string cachePath, Dataset data, CacheKey key, ReadOptions options)
    {
        try
        {
            return CacheFile.TryWrite(cachePath, data, key, options);
        }
        catch (OperationCanceledException)
        {
            return $"no cache was written to {cachePath}: interrupted";
        }
    }

    public static (Dataset Data, RowRange[] Rows) OpenPartition(string path, Partition partition, ReadOptions options, CacheOptions cache)
    {
        options.Validate();
        bool isCsv = options.Layout is not null;
        if (!isCsv && options.IndexBase == IndexBase.Auto) throw new ArgumentException("A partition cannot tell the file's index base; give IndexBase.Zero or IndexBase.One.");
        using (var source = SourceFile.Open(path))
        {
            var cached = IsUsed(source, options, cache) ? TryOpen(path, PathOf(path, cache.Directory), CacheKey.Of(source), options with { MemoryMax = 0 }, out _) : null;
            if (cached is not null) return (cached, cached.Rows(partition));
            if (!source.IsGzip && cache.Mode != CacheMode.Require && options.Layout is not { HasLineEndsInFields: true })
            {
                var part = isCsv ? CsvReader.ReadPartition(source, partition, options) : LibsvmReader.ReadPartition(source, partition, options);
                return (part, [new RowRange(0, part.RowCount)]);
            }
        }
        var whole = Open(path, options, cache);
        return (whole, whole.Rows(partition));
    }

    // A file read for a model is read with that model's features; its rows are of use to that model only.
    private static bool IsUsed(SourceFile source, ReadOptions options, CacheOptions cache) =>
        cache.Mode != CacheMode.Off && options.ExpectedFeatures is null && !options.LabelsIgnored && (cache.Mode == CacheMode.Require || source.Bytes >= cache.SourceBytesMin);

    private static Dataset? TryOpen(string path, string cachePath, CacheKey key, ReadOptions options, out string? refusal)
    {
        refusal = null;
        if (FileStatus.Of(cachePath) is null or { Kind: not FileKind.File }) return null;
        var cached = CacheFile.TryOpen(cachePath, key, options, path, out refusal);
        if (cached is not null) cached.Notice = $"read from the cache {cachePath}";
        return cached;
    }

    /// <summary>The cache beside the file; or in another folder, then with a mark of the file's full path in its name.</summary>
    internal static string PathOf(string path, string? directory)
    {
        if (directory is null) return path + Extension;
        string full = Path.GetFullPath(path);
        uint mark = Checksum.Of(System.Text.Encoding.UTF8.GetBytes(full));
        return Path.Combine(directory, $"{Path.GetFileName(full)}.{mark:x8}{Extension}");
    }
}
