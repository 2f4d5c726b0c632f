using System.Net;
using System.Net.Sockets;

namespace Grpc.Net.Client;

/// <summary>Where a channel's server is (gRPC: doc/naming.md). Immutable.</summary>
/// <param name="Target">As the caller may read it again.</param>
/// <param name="IsSecure">Whether the scheme says TLS; null where the credentials must say it.</param>
/// <param name="Authority">host:port as sent in the requests, without a scheme.</param>
/// <param name="EndPoint">Where to connect.</param>
/// <param name="BasePath">What stands before each method's path.</param>
internal sealed record ChannelAddress(string Target, bool? IsSecure, string Authority, EndPoint EndPoint, string BasePath)
{
    private const string Forms = "must be of the form http://host:port, https://host:port, dns:///host:port or unix:/path";

    public bool IsUnix => EndPoint is UnixDomainSocketEndPoint;

    public static ChannelAddress Parse(string address)
    {
        if (address.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
            return OfUnix(address);
        if (address.StartsWith("dns:", StringComparison.OrdinalIgnoreCase))
            return OfDns(address);
        return Uri.TryCreate(address, UriKind.Absolute, out var uri) ? Of(uri) : throw Malformed(address);
    }

    public static ChannelAddress Of(Uri uri)
    {
        if (!uri.IsAbsoluteUri || uri.Scheme is not ("http" or "https"))
            return uri is { IsAbsoluteUri: true, Scheme: "unix" or "dns" } ? Parse(uri.OriginalString) : throw Malformed(uri.OriginalString);
        return new ChannelAddress(
            uri.Authority, uri.Scheme == Uri.UriSchemeHttps, uri.Authority, new DnsEndPoint(uri.IdnHost, uri.Port), uri.AbsolutePath.TrimEnd('/'));
    }

    /// <summary>The server's name in TLS.</summary>
    public string HostName => EndPoint is DnsEndPoint dns ? dns.Host : Authority;

    /// <summary>The URI that requests are made under.</summary>
    public Uri BaseUri(bool isSecure) => new($"{(isSecure ? Uri.UriSchemeHttps : Uri.UriSchemeHttp)}://{Authority}{BasePath}");

    private static ChannelAddress OfUnix(string address)
    {
        var path = address["unix:".Length..];
        if (path.StartsWith("//", StringComparison.Ordinal))
            path = path.StartsWith("///", StringComparison.Ordinal) ? path[2..] : throw Malformed(address);
        if (path.Length == 0)
            throw Malformed(address);
        return new ChannelAddress("unix:" + path, null, "localhost", new UnixDomainSocketEndPoint(path), "");
    }

    private static ChannelAddress OfDns(string address)
    {
        var name = address["dns:".Length..];
        if (name.StartsWith("//", StringComparison.Ordinal))
        {
            name = name.StartsWith("///", StringComparison.Ordinal) ? name[3..] : throw new ArgumentException(
                $"The address '{address}' names a DNS server; only the system's is used, as in dns:///host:port.", nameof(address));
        }
        return Uri.TryCreate("https://" + name, UriKind.Absolute, out var uri) && uri.AbsolutePath == "/"
            ? new ChannelAddress(uri.Authority, null, uri.Authority, new DnsEndPoint(uri.IdnHost, uri.Port), "")
            : throw Malformed(address);
    }

    private static ArgumentException Malformed(string address) => new($"The address '{address}' {Forms}.", nameof(address));
}
