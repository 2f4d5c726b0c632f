namespace Grpc.Net.Client;

/// <summary>Makes the handlers that channels send with.</summary>
public static class GrpcHttpHandler
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A handler set up for gRPC: HTTP/2 only, no proxy, cookies, redirects, decompression or tracing headers; a connection is tried for at most 10 s;
    /// a second HTTP/2 connection is opened once the server's limit of streams on the first is reached. Flow-control windows are the runtime's
    /// (measured: larger initial windows are slower on the loopback). The function may change any of it.
    /// </summary>
    public static SocketsHttpHandler Create(Action<SocketsHttpHandler>? configure = null)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = ConnectTimeout,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        };
        configure?.Invoke(handler);
        return handler;
    }
}
