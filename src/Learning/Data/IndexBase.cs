namespace DistSgd.Learning.Data;

/// <summary>The number that a file's first feature has.</summary>
public enum IndexBase
{
    /// <summary>Found out: <see cref="Zero"/> if an index 0 occurs anywhere, else <see cref="One"/>.</summary>
    Auto,

    /// <summary>Features are numbered from 0.</summary>
    Zero,

    /// <summary>Features are numbered from 1, as LIBSVM does.</summary>
    One,
}

/// <summary>How a data set's index base became known.</summary>
public enum IndexBaseOrigin
{
    /// <summary>The options said so.</summary>
    Given,

    /// <summary>An index 0 was found.</summary>
    ZeroSeen,

    /// <summary>No index 0 was found, so the base is taken to be 1.</summary>
    NoZeroSeen,
}
