namespace DistSgd.Learning.Data;

/// <summary>Decides between cache and parsing, and says what it did.</summary>
internal static class DatasetCache
{
    private const string Extension = ".dscache";

    public static Dataset Open(string path, LibsvmOptions options, CacheOptions cache)
    {
        options.Validate();
        using var source = SourceFile.Open(path);
        bool isWorthIt = cache.Mode == CacheMode.Require || source.Bytes >= cache.SourceBytesMin;

        // A file read for a model is read with that model's features; its rows are of use to that model only.
        if (cache.Mode == CacheMode.Off || !isWorthIt || options.ExpectedFeatures is not null) return LibsvmReader.Read(source, options);

        string cachePath = PathOf(path, cache.Directory);
        var key = CacheKey.Of(source);
        var cached = CacheFile.TryOpen(cachePath, key, options, out string? refusal);
        if (cached is not null)
        {
            cached.Notice = $"read from the cache {cachePath}";
            return cached;
        }
        var data = LibsvmReader.Read(source, options);
        if (refusal is not null) data.Notice = $"the cache {cachePath} was not used: {refusal}; it is made anew";
        if (cache.Mode == CacheMode.Auto)
        {
            data.WriteInBackground(() => CacheFile.TryWrite(cachePath, data, key, options.IndexBase));
            return data;
        }
        if (CacheFile.TryWrite(cachePath, data, key, options.IndexBase) is not { } problem) return data;
        data.Dispose();
        throw new DatasetException(path, problem);
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
