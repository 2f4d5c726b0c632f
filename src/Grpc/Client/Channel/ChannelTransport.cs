using Grpc.Net.Client.Http2;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client;

/// <summary>Chooses what a channel's calls go over: a handler or client that it was given, or else HTTP/2 of this runtime's own.</summary>
internal static class ChannelTransport
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The transport, and the connections where the channel makes them (null where a handler does).</summary>
    public static (ICallTransport Transport, ChannelConnections? Connections) Create(ChannelAddress address, ChannelSecurity security, GrpcChannelOptions options)
    {
        var uri = address.BaseUri(security.IsSecure);
        var serverName = address.IsUnix ? address.Target : uri.GetLeftPart(UriPartial.Authority);
        if (options.HttpClient is null && options.HttpHandler is null)
        {
            var own = new ChannelConnections(address.EndPoint, ConnectTimeout, new ReconnectBackoff(options.InitialReconnectBackoff, options.MaxReconnectBackoff));
            return (Http2Transport.Create(address, security, own, serverName), own);
        }
        var (invoker, connections) = ChannelHandler.Create(address, security, options);
        return (new SocketsTransport(uri, serverName, invoker), connections);
    }
}
