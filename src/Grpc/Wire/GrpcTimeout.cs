using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Grpc.Wire;

/// <summary>The grpc-timeout header: at most eight digits and a unit (gRPC over HTTP/2, "Timeout").</summary>
internal static class GrpcTimeout
{
    private const int DigitsMax = 8;
    private const long ValueMax = 99_999_999;
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMillisecond / 1000;

    private static readonly (char Unit, long Ticks)[] Units =
    [
        ('u', TicksPerMicrosecond),
        ('m', TimeSpan.TicksPerMillisecond),
        ('S', TimeSpan.TicksPerSecond),
        ('M', TimeSpan.TicksPerMinute),
        ('H', TimeSpan.TicksPerHour),
    ];

    /// <summary>The finest unit whose value fits into eight digits; rounded up, so that the server never gives up before the client.</summary>
    public static string Format(TimeSpan timeout)
    {
        Span<byte> text = stackalloc byte[DigitsMax + 1];
        return Encoding.ASCII.GetString(text[..Format(timeout, text)]);
    }

    /// <summary>The same as ASCII, into at least nine bytes; returns how many were written.</summary>
    public static int Format(TimeSpan timeout, Span<byte> destination)
    {
        var ticks = Math.Max(timeout.Ticks, TicksPerMicrosecond);
        foreach (var (unit, unitTicks) in Units)
        {
            var value = (ticks + unitTicks - 1) / unitTicks;
            if (value <= ValueMax)
                return Write(value, unit, destination);
        }
        return Write(ValueMax, 'H', destination);
    }

    /// <summary>False where the header isn't of the specified form.</summary>
    public static bool TryParse(string header, out TimeSpan timeout)
    {
        timeout = default;
        if (header.Length is < 2 or > DigitsMax + 1)
            return false;
        if (!long.TryParse(header.AsSpan(0, header.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return false;
        if (header[^1] == 'n')
        {
            timeout = TimeSpan.FromTicks((value + 99) / 100);
            return true;
        }
        foreach (var (unit, unitTicks) in Units)
        {
            if (unit == header[^1])
            {
                timeout = TimeSpan.FromTicks(value * unitTicks);
                return true;
            }
        }
        return false;
    }

    private static int Write(long value, char unit, Span<byte> destination)
    {
        Utf8Formatter.TryFormat(value, destination, out var digits);
        destination[digits] = (byte)unit;
        return digits + 1;
    }
}
