using System.Net;

namespace Grpc.Net.Client;

/// <summary>The handler or client that a channel was given to send with, connected to the channel's server.</summary>
internal static class ChannelHandler
{
    /// <summary>The invoker, and the connections where the handler lets the channel make them (null where it doesn't).</summary>
    public static (HttpMessageInvoker Invoker, ChannelConnections? Connections) Create(ChannelAddress address, ChannelSecurity security, GrpcChannelOptions options)
    {
        if (options.HttpClient is { } client)
            return (new HttpMessageInvoker(new ClientHandler(client, options.DisposeHttpClient), disposeHandler: true), RequireNothing(address, security, "HttpClient"));
        if (security.HasSslSettings)
            RequireNothing(address, security, "HttpHandler");
        var given = options.HttpHandler!;
        var connections = TryConnect(given, address, options);
        if (connections is null && address.IsUnix)
            throw NotReachable(address, "a SocketsHttpHandler without ConnectCallback that hasn't been used");
        return (new HttpMessageInvoker(given, options.DisposeHttpClient), connections);
    }

    /// <summary>Lets the channel make the handler's connections. A handler that was used already, or makes them otherwise, stays as it is.</summary>
    private static ChannelConnections? TryConnect(HttpMessageHandler handler, ChannelAddress address, GrpcChannelOptions options)
    {
        if (handler is not SocketsHttpHandler { ConnectCallback: null } sockets)
            return null;
        var timeout = sockets.ConnectTimeout > TimeSpan.Zero ? sockets.ConnectTimeout : Timeout.InfiniteTimeSpan;
        var backoff = new ReconnectBackoff(options.InitialReconnectBackoff, options.MaxReconnectBackoff);
        var connections = new ChannelConnections(address.EndPoint, timeout, backoff);
        try
        {
            sockets.ConnectCallback = async (context, cancellationToken) => address.IsUnix || address.EndPoint.Equals(context.DnsEndPoint)
                ? await connections.ConnectAsync(cancellationToken)
                : await ConnectElsewhereAsync(context.DnsEndPoint, timeout, cancellationToken);
            return connections;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A handler that the caller shares may be asked for other servers, too.</summary>
    private static async Task<Stream> ConnectElsewhereAsync(DnsEndPoint endPoint, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var connections = new ChannelConnections(endPoint, timeout, new ReconnectBackoff(timeout, timeout));
        return await connections.ConnectAsync(cancellationToken);
    }

    private static ChannelConnections? RequireNothing(ChannelAddress address, ChannelSecurity security, string given)
    {
        if (security.HasSslSettings)
        {
            throw new ArgumentException(
                $"SslCredentials with settings of its own and {given} are both given: set the handler's SslOptions instead, and pass ChannelCredentials.SecureSsl.");
        }
        return address.IsUnix ? throw NotReachable(address, "a handler that the channel makes or a SocketsHttpHandler") : null;
    }

    private static ArgumentException NotReachable(ChannelAddress address, string needed) =>
        new($"The address {address.Target} needs {needed}.");

    /// <summary>Sends through a client, whose own SendAsync would buffer whole responses.</summary>
    private sealed class ClientHandler(HttpClient client, bool disposeClient) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing && disposeClient)
                client.Dispose();
            base.Dispose(disposing);
        }
    }
}
