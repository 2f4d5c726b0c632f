using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Sets Kestrel up for gRPC.</summary>
public static class GrpcKestrelExtensions
{
    // What a peer may ask for, however hostile. Most are Kestrel's defaults, named here so that they are this runtime's promise (docs/wire.md).
    internal const int ConnectionsMax = 4096;
    internal const int StreamsPerConnectionMax = 100;
    internal const int HeadersPerCallMax = 100;
    internal const int HeaderBytesMax = 16 * 1024;
    internal const int HeadersPerCallBytesMax = 32 * 1024;
    internal const int HeaderTableBytesMax = 4096;
    internal const int FrameBytesMax = 128 * 1024;
    internal const int StreamWindowBytes = 768 * 1024;
    internal const int ConnectionWindowBytes = 1024 * 1024;

    private const int HeadersTimeoutSeconds = 10;
    private const int IdleSeconds = 30; // also for a connection's first bytes to be those of HTTP/2
    private const int SilenceBeforePingSeconds = 60;
    private const int PingAnswerSeconds = 20;

    /// <summary>
    /// Lifts the limits that HTTP puts on bodies and their speed (gRPC has message limits and deadlines of its own), sends no server header, and
    /// bounds what a peer may hold: 4,096 connections of 100 streams, 100 headers of 32 KiB a call, windows of 1 MiB a connection; a connection without
    /// calls, or that hasn't begun to speak HTTP/2, is closed after 30 s; a peer that is silent for 60 s is pinged and cut off where it doesn't answer within 20 s.
    /// Endpoints stay the host's to choose: without TLS they must say <see cref="HttpProtocols.Http2"/>.
    /// </summary>
    public static KestrelServerOptions ConfigureForGrpc(this KestrelServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.AddServerHeader = false;
        options.Limits.MaxRequestBodySize = null;
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        Bound(options.Limits);
        return options;
    }

    private static void Bound(KestrelServerLimits limits)
    {
        limits.MaxConcurrentConnections = ConnectionsMax;
        limits.MaxRequestHeaderCount = HeadersPerCallMax;
        limits.MaxRequestHeadersTotalSize = HeadersPerCallBytesMax;
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(IdleSeconds);
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(HeadersTimeoutSeconds);
        limits.Http2.MaxStreamsPerConnection = StreamsPerConnectionMax;
        limits.Http2.MaxRequestHeaderFieldSize = HeaderBytesMax;
        limits.Http2.HeaderTableSize = HeaderTableBytesMax;
        limits.Http2.MaxFrameSize = FrameBytesMax;
        limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(SilenceBeforePingSeconds);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(PingAnswerSeconds);
    }
}
