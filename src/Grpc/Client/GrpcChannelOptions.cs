namespace Grpc.Net.Client;

/// <summary>How a channel reaches its server and what it accepts.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>The default of <see cref="MaxReceiveMessageSize"/>, bytes.</summary>
    internal const int DefaultMaxReceiveMessageBytes = 4 * 1024 * 1024;

    /// <summary>The largest request message, bytes; null (the default) means no limit. A larger one fails with ResourceExhausted.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>The largest response message, bytes; 4 MiB by default, null means no limit. A larger one fails with ResourceExhausted.</summary>
    public int? MaxReceiveMessageSize { get; set; } = DefaultMaxReceiveMessageBytes;

    /// <summary>The handler to send with; null (the default) makes one by <see cref="GrpcHttpHandler.Create"/>. Not together with HttpClient.</summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>The client to send with; null (the default) uses HttpHandler.</summary>
    public HttpClient? HttpClient { get; set; }

    /// <summary>Whether the channel disposes a given HttpHandler or HttpClient; false by default. A handler the channel made is always disposed.</summary>
    public bool DisposeHttpClient { get; set; }

    /// <summary>Whether a cancelled call throws OperationCanceledException instead of RpcException; false by default.</summary>
    public bool ThrowOperationCanceledOnCancellation { get; set; }
}
