using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client.Transport;

/// <summary>
/// What calls need of the HTTP/2 implementation beneath them: a stream with a request head, framed messages out, a response head, bytes in, trailers.
/// Nothing above this line knows which implementation it is. Thread-safe.
/// </summary>
internal interface ICallTransport : IDisposable
{
    ITransportCall Open(in CallHead head);

    /// <summary>The status a call ends with when the transport threw this.</summary>
    Status Explain(Exception exception);
}

/// <summary>What the request's header block says.</summary>
/// <param name="Path">The method, "/service/method".</param>
/// <param name="Host">The host to address by name, or null for the channel's own.</param>
/// <param name="Headers">The caller's headers, or null.</param>
/// <param name="Credentials">Headers that authenticate the call, or null.</param>
/// <param name="Timeout">How long the call may take, or null.</param>
/// <param name="Encoding">The encoding of the requests, or null for identity.</param>
/// <param name="AcceptEncoding">The encodings that responses may have.</param>
internal readonly record struct CallHead(
    string Path, string? Host, Metadata? Headers, Metadata? Credentials, TimeSpan? Timeout, string? Encoding, string AcceptEncoding);

/// <summary>
/// One stream. Order: Send, or Start with any number of writes and one CompleteWriting; reads after the head came; trailers after a read gave too little.
/// Writes and reads may overlap each other; each is awaited at once, and once. Cancelling ends the stream: all that waits for it throws.
/// Dispose ends it too, with a reset where it hasn't ended by itself, and is the last call; only writes may come later, and fail.
/// </summary>
internal interface ITransportCall : IDisposable
{
    /// <summary>Sends the head, the only message and the end of the request; takes the message over and returns its buffer in the end.</summary>
    ValueTask<IResponseHead> SendAsync(FramedMessage message, CancellationToken cancellationToken);

    /// <summary>Sends the head; messages follow.</summary>
    ValueTask<IResponseHead> StartAsync(CancellationToken cancellationToken);

    /// <summary>Sends bytes; done when they are needed no more.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> framed);

    /// <summary>Ends the request.</summary>
    void CompleteWriting();

    /// <summary>At least so many bytes of the response, from 1 to the buffer's length; fewer only at its end.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, int atLeast);

    /// <summary>What came after the last byte.</summary>
    IHeaderBlock Trailers { get; }
}

/// <summary>Received headers or trailers.</summary>
internal interface IHeaderBlock
{
    /// <summary>The value of a header, or null.</summary>
    string? Find(string name);

    /// <summary>All headers that aren't the protocol's own.</summary>
    Metadata ToMetadata();
}

/// <summary>The response's header block.</summary>
internal interface IResponseHead : IHeaderBlock
{
    int HttpStatus { get; }
}
