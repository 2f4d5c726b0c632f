namespace DistSgd.Learning.Data;

/// <summary>Whether a data set's binary cache is used.</summary>
public enum CacheMode
{
    /// <summary>A valid cache is used; where there is none and the file is large enough to be worth it, one is written.</summary>
    Auto,

    /// <summary>Caches are neither read nor written.</summary>
    Off,

    /// <summary>As <see cref="Auto"/>, but for files of any size, written before the call returns; failing to write it is an error.</summary>
    Require,
}

/// <summary>Where and when a data set is cached.</summary>
public sealed record CacheOptions
{
    /// <summary>Whether a cache is used.</summary>
    public CacheMode Mode { get; init; } = CacheMode.Auto;

    /// <summary>Folder for the cache; null: beside the data file.</summary>
    public string? Directory { get; init; }

    /// <summary>Files smaller than this (as stored) are parsed every time in mode <see cref="CacheMode.Auto"/>.</summary>
    public long SourceBytesMin { get; init; } = 8L << 20;
}
