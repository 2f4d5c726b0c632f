using System.Net;
using System.Net.Http.Headers;
using Grpc.Wire;

namespace Grpc.Net.Client.Transport;

/// <summary>
/// A request body of one pooled message. The handler may write it again on another connection, and may still be writing when the
/// response has ended; so the buffer goes back to the pool when the call has let go of it and no write is under way.
/// </summary>
internal sealed class MessageContent : HttpContent
{
    private readonly FramedMessage _message;
    private int _holders = 1;

    public MessageContent(FramedMessage message)
    {
        _message = message;
        Headers.ContentType = GrpcContentType.Value;
    }

    /// <summary>The call lets go; at most once.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            _message.Return();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (!TryHold())
            throw new OperationCanceledException("The call ended before its message was sent.");
        try
        {
            await stream.WriteAsync(_message.Memory, cancellationToken);
        }
        finally
        {
            Release();
        }
    }

    // No content-length: the message's own header frames it.
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private bool TryHold()
    {
        var holders = Volatile.Read(ref _holders);
        while (holders > 0)
        {
            var seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders)
                return true;
            holders = seen;
        }
        return false;
    }
}

/// <summary>A request body that stays open for messages until it is completed or abandoned.</summary>
internal sealed class StreamingContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamingContent() => Headers.ContentType = GrpcContentType.Value;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> framed, CancellationToken cancellationToken)
    {
        var stream = _opened.Task.IsCompletedSuccessfully ? await _opened.Task : await _opened.Task.WaitAsync(cancellationToken);
        await stream.WriteAsync(framed, cancellationToken);
        await stream.FlushAsync(cancellationToken);
    }

    public void Complete() => _completed.TrySetResult();

    public void Abandon()
    {
        _completed.TrySetCanceled(new CancellationToken(canceled: true));
        _opened.TrySetCanceled(new CancellationToken(canceled: true));
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // Headers leave now, not with the first message: the server may speak first.
        await stream.FlushAsync(cancellationToken);
        if (!_opened.TrySetResult(stream))
            throw new InvalidOperationException("A request stream can't be sent again on another connection.");
        await _completed.Task.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

/// <summary>The one content type sent, parsed once.</summary>
internal static class GrpcContentType
{
    public static MediaTypeHeaderValue Value { get; } = new(WireNames.ContentType);
}
