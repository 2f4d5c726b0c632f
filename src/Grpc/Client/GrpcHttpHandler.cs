namespace Grpc.Net.Client;

/// <summary>Makes the handlers that channels send with.</summary>
public static class GrpcHttpHandler
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    // What arrives ahead of the reader lies in pooled arrays of 16 KiB. The pool keeps some 64 of them for other threads: a window beyond that
    // allocates a third of what it carries, a narrower one costs a round of updates for each message.
    private const int StreamWindowBytes = 1024 * 1024;

    /// <summary>
    /// A handler set up for gRPC: HTTP/2 only, no proxy, cookies, redirects, decompression or tracing headers; a connection is tried for at most 10 s;
    /// a second HTTP/2 connection is opened once the server's limit of streams on the first is reached. A response may run 1 MiB ahead of its reader;
    /// the runtime widens that up to 16 MiB, unless the program's configuration says <c>System.Net.SocketsHttpHandler.Http2FlowControl.DisableDynamicWindowSizing</c>
    /// (measured on the loopback: faster without). The function may change any of it.
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
            InitialHttp2StreamWindowSize = StreamWindowBytes,
        };
        configure?.Invoke(handler);
        return handler;
    }
}
