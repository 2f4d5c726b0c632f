using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client.Transport;

/// <summary>One call as an HttpRequestMessage.</summary>
internal sealed class SocketsTransportCall : ITransportCall
{
    private readonly HttpMessageInvoker _invoker;
    private readonly HttpRequestMessage _request;
    private StreamingContent? _streaming;
    private MessageContent? _message;
    private HttpResponseMessage? _response;
    private Stream? _body;
    private CancellationToken _cancellation;

    public SocketsTransportCall(HttpMessageInvoker invoker, Uri uri, in CallHead head)
    {
        _invoker = invoker;
        _request = new HttpRequestMessage(HttpMethod.Post, uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        AddHeaders(head);
    }

    public IHeaderBlock Trailers => new HttpHeaderBlock(_response!.TrailingHeaders);

    public ValueTask<IResponseHead> SendAsync(FramedMessage message, CancellationToken cancellationToken)
    {
        _message = new MessageContent(message);
        _request.Content = _message;
        return ExchangeAsync(cancellationToken);
    }

    public ValueTask<IResponseHead> StartAsync(CancellationToken cancellationToken)
    {
        _streaming = new StreamingContent();
        _request.Content = _streaming;
        return ExchangeAsync(cancellationToken);
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> framed) => _streaming!.WriteAsync(framed, _cancellation);

    public void CompleteWriting() => _streaming!.Complete();

    public ValueTask<int> ReadAsync(Memory<byte> buffer, int atLeast) =>
        _body!.ReadAtLeastAsync(buffer, atLeast, throwOnEndOfStream: false, _cancellation);

    public void Dispose()
    {
        // The response first: disposing it unread resets the stream, which is how a call is cancelled on the wire.
        _response?.Dispose();
        _streaming?.Abandon();
        _message?.Release();
        _request.Dispose();
    }

    private async ValueTask<IResponseHead> ExchangeAsync(CancellationToken cancellationToken)
    {
        _cancellation = cancellationToken;
        _response = await _invoker.SendAsync(_request, cancellationToken);
        _body = await _response.Content.ReadAsStreamAsync(cancellationToken);
        return new HttpResponseHead(_response);
    }

    private void AddHeaders(in CallHead head)
    {
        var headers = _request.Headers;
        if (head.Host is { } host)
            headers.Host = host;
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", WireNames.UserAgent);
        if (head.Timeout is { } timeout)
            headers.TryAddWithoutValidation(WireNames.TimeoutHeader, GrpcTimeout.Format(timeout));
        if (head.Encoding is { } encoding)
            headers.TryAddWithoutValidation(WireNames.EncodingHeader, encoding);
        headers.TryAddWithoutValidation(WireNames.AcceptEncodingHeader, head.AcceptEncoding);
        Add(headers, head.Headers);
        Add(headers, head.Credentials);
    }

    private static void Add(HttpRequestHeaders headers, Metadata? metadata)
    {
        if (metadata is null)
            return;
        foreach (var entry in metadata)
        {
            if (!MetadataHeaders.IsReserved(entry.Key))
                headers.TryAddWithoutValidation(entry.Key, MetadataHeaders.Encode(entry));
        }
    }
}
