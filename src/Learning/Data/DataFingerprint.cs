namespace DistSgd.Learning.Data;

/// <summary>
/// By what two machines know that they have the same data file, without reading all of it: its length as stored, and a checksum of its first and last 64 KiB and of 16 blocks of 4 KiB
/// between them. Files that differ only elsewhere, with their length kept, have the same.
/// </summary>
/// <param name="StoredBytes">The file's length, compressed or not.</param>
/// <param name="Sample">The checksum, made of CRC-32C.</param>
/// <param name="IsGzip">Whether it is gzip.</param>
public readonly record struct DataFingerprint(long StoredBytes, uint Sample, bool IsGzip)
{
    /// <summary>Of a file as it is now.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DatasetException">The file is missing, not readable, or empty.</exception>
    public static DataFingerprint Of(string path)
    {
        using var source = SourceFile.Open(path);
        return new DataFingerprint(source.Bytes, CacheKey.Of(source).Sample, source.IsGzip);
    }
}
