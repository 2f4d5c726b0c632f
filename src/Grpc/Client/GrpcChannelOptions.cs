using Grpc.Core;
using Grpc.Net.Compression;
using Microsoft.Extensions.Logging;

namespace Grpc.Net.Client;

/// <summary>How a channel reaches its server and what it accepts. Read once, when the channel is made.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>The default of <see cref="MaxReceiveMessageSize"/>, bytes.</summary>
    internal const int DefaultMaxReceiveMessageBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan DefaultInitialReconnectBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DefaultMaxReconnectBackoff = TimeSpan.FromSeconds(120);

    /// <summary>How the channel is secured; null (the default) takes it from the address: https with the system's roots, http and unix without TLS.</summary>
    public ChannelCredentials? Credentials { get; set; }

    /// <summary>The largest request message, bytes, before compression; null (the default) means no limit. A larger one fails with ResourceExhausted.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>The largest response message, bytes, also after decompression; 4 MiB by default, null means no limit. A larger one fails with ResourceExhausted.</summary>
    public int? MaxReceiveMessageSize { get; set; } = DefaultMaxReceiveMessageBytes;

    /// <summary>The encodings of messages besides identity; null (the default) means gzip and deflate.</summary>
    public IList<ICompressionProvider>? CompressionProviders { get; set; }

    /// <summary>Where the channel logs; null (the default) means nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>
    /// The handler to send with, <see cref="GrpcHttpHandler.Create"/> makes one; null (the default) uses HTTP/2 of this runtime's own, which allocates and
    /// copies less: no proxies, a ping after 6 min of silence during a call, 10 s to connect. Not together with HttpClient.
    /// </summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>The client to send with; null (the default) uses HttpHandler.</summary>
    public HttpClient? HttpClient { get; set; }

    /// <summary>Whether the channel disposes a given HttpHandler or HttpClient; false by default. A handler the channel made is always disposed.</summary>
    public bool DisposeHttpClient { get; set; }

    /// <summary>Whether a cancelled or late call throws OperationCanceledException instead of RpcException; false by default.</summary>
    public bool ThrowOperationCanceledOnCancellation { get; set; }

    /// <summary>Whether call credentials may be sent without TLS; false by default, which fails such calls with Unauthenticated.</summary>
    public bool UnsafeUseInsecureChannelCallCredentials { get; set; }

    /// <summary>The pause after the first failed connection of ConnectAsync and of calls that wait for the server; 1 s by default. Each further one is 1.6 times longer.</summary>
    public TimeSpan InitialReconnectBackoff { get; set; } = DefaultInitialReconnectBackoff;

    /// <summary>The longest such pause; 2 min by default, null means no limit.</summary>
    public TimeSpan? MaxReconnectBackoff { get; set; } = DefaultMaxReconnectBackoff;
}
