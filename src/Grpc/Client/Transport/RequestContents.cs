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
/// It ends only when no write is under way: the handler resets the stream as soon as the body has ended, and bytes sent after a reset
/// are an error of the whole connection (RFC 9113 §5.1), which would take the neighbours with it.
/// </summary>
internal sealed class StreamingContent : HttpContent
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _abandoned = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _isIdle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // All under _gate: the connection that writes go to, null where the body isn't open; whether one has; how many are under way.
    private Stream? _stream;
    private bool _hasWritten;
    private int _writes;

    public StreamingContent() => Headers.ContentType = GrpcContentType.Value;

    /// <summary>Sends bytes. A cancelled write ends the body.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> framed, CancellationToken cancellationToken)
    {
        if (!_opened.Task.IsCompletedSuccessfully)
            await _opened.Task.WaitAsync(cancellationToken);
        using var registration = cancellationToken.UnsafeRegister(static state => ((StreamingContent)state!).Abandon(), this);
        var stream = EnterWrite();
        try
        {
            await stream.WriteAsync(framed, _abandoned.Token);
            await stream.FlushAsync(_abandoned.Token);
        }
        finally
        {
            LeaveWrite();
        }
    }

    public void Complete() => _completed.TrySetResult();

    /// <summary>Ends the body in the middle, and the write that is under way.</summary>
    public void Abandon()
    {
        _abandoned.Cancel();
        _completed.TrySetCanceled(_abandoned.Token);
        _opened.TrySetCanceled(_abandoned.Token);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // Headers leave now, not with the first message: the server may speak first.
        await stream.FlushAsync(cancellationToken);
        Open(stream);
        try
        {
            await _completed.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            if (!Close(stream))
                await _isIdle.Task;
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private void Open(Stream stream)
    {
        lock (_gate)
        {
            if (_hasWritten)
                throw new IOException("The connection was lost after messages had been written to it.");
            _stream = stream;
        }
        _opened.TrySetResult();
    }

    private Stream EnterWrite()
    {
        lock (_gate)
        {
            var stream = _stream ?? throw new IOException("The request has ended before its message was sent.");
            _hasWritten = true;
            _writes++;
            return stream;
        }
    }

    private void LeaveWrite()
    {
        lock (_gate)
        {
            if (--_writes > 0 || _stream is not null)
                return;
        }
        _isIdle.TrySetResult();
    }

    /// <summary>No further write to this connection begins; false where one is under way.</summary>
    private bool Close(Stream stream)
    {
        lock (_gate)
        {
            if (_stream != stream)
                return true;
            _stream = null;
            return _writes == 0;
        }
    }
}

/// <summary>The one content type sent, parsed once.</summary>
internal static class GrpcContentType
{
    public static MediaTypeHeaderValue Value { get; } = new(WireNames.ContentType);
}
