using System.Globalization;

namespace DistSgd.Cli.Tables;

/// <summary>Tells now and then how far a transfer of many pieces is. One thread at a time.</summary>
/// <param name="done">What happens to the bytes: pushed, pulled.</param>
/// <param name="bytesAll">How many there are.</param>
/// <param name="notice">Is told.</param>
/// <param name="time">Time.</param>
internal sealed class TransferNotice(string done, long bytesAll, Action<string> notice, TimeProvider time)
{
    /// <summary>Between two notices, and before the first.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private long _told = time.GetTimestamp();
    private long _bytes;

    /// <summary>A piece has been answered.</summary>
    /// <param name="bytes">Its values.</param>
    public void Moved(long bytes)
    {
        _bytes += bytes;
        if (_bytes == bytesAll || time.GetElapsedTime(_told) < Every)
            return;
        _told = time.GetTimestamp();
        notice(string.Create(CultureInfo.InvariantCulture, $"{_bytes / 1e6:N1} of {bytesAll / 1e6:N1} MB are {done}"));
    }
}
