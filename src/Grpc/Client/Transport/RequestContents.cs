using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
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

/// <summary>
/// A request body that stays open for messages until it is completed or abandoned. As long as nothing was written the handler may open it again
/// on another connection, as it does where the server of the first one is about to stop.
/// </summary>
internal sealed class StreamingContent : HttpContent
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Both under _gate: the connection that writes go to, and whether one has.
    private Stream? _stream;
    private bool _hasWritten;

    public StreamingContent() => Headers.ContentType = GrpcContentType.Value;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> framed, CancellationToken cancellationToken)
    {
        if (!_opened.Task.IsCompletedSuccessfully)
            await _opened.Task.WaitAsync(cancellationToken);
        Stream stream;
        lock (_gate)
        {
            stream = _stream!;
            _hasWritten = true;
        }
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
        lock (_gate)
        {
            if (_hasWritten)
                throw new IOException("The connection was lost after messages had been written to it.");
            _stream = stream;
        }
        _opened.TrySetResult();
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
