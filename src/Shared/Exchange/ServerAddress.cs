using System.Globalization;

namespace DistSgd.Shared.Exchange;

/// <summary>The form of a server's address.</summary>
public static class ServerAddress
{
    /// <summary>True for host:port, the host a name or an IP address (IPv6 in brackets), the port 1 to 65,535.</summary>
    /// <param name="address">Whatever was given.</param>
    public static bool IsValid(string address)
    {
        int colon = address.LastIndexOf(':');
        return colon > 0
            && ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0
            && Uri.CheckHostName(address[..colon]) != UriHostNameType.Unknown
            && Uri.TryCreate($"http://{address}", UriKind.Absolute, out _);
    }
}
