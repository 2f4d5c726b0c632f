using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using Grpc.Wire;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// What a stream has still to send: at most one message at a time. Everything is under the connection's gate, but awaiting the write.
/// A message is read where it lies; it is let go of when its last byte has left, or the stream ended and no send is at work on it.
/// </summary>
internal sealed class RequestSide : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _written = new() { RunContinuationsAsynchronously = true };
    private ArraySegment<byte> _left;
    private bool _isAwaited;
    private FramedMessage? _returnedLater;

    public int StreamId { get; private set; }

    /// <summary>What the server takes on this stream, bytes; below 0 after its settings shrank it.</summary>
    public int Window { get; set; }

    /// <summary>Bytes of the message that no frame has been made of yet.</summary>
    public int LeftBytes => _left.Count;

    /// <summary>Whether the message is the last one.</summary>
    public bool EndsAfter { get; private set; }

    /// <summary>Whether END_STREAM has been put into a frame.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether this is among the sender's streams that are ready to send.</summary>
    public bool IsReady { get; set; }

    /// <summary>Frames of the message in the batch that is being sent.</summary>
    public int FramesUnderWay { get; private set; }

    /// <summary>Why nothing more may be sent; null while something may.</summary>
    public Exception? Failure { get; private set; }

    public void Open(int streamId, int window)
    {
        (StreamId, Window) = (streamId, window);
        (_left, EndsAfter, HasEnded, IsReady, FramesUnderWay, Failure, _isAwaited, _returnedLater) = (default, false, false, false, 0, null, false, null);
    }

    /// <summary>Gives the side a message to send; <paramref name="endsAfter"/> makes it the last.</summary>
    public void Begin(ReadOnlyMemory<byte> message, bool endsAfter)
    {
        _left = MemoryMarshal.TryGetArray(message, out var segment) ? segment : new ArraySegment<byte>(message.ToArray());
        EndsAfter = endsAfter;
    }

    /// <summary>Done when the message has left, or failed when it can't any more.</summary>
    public ValueTask WrittenAsync()
    {
        _written.Reset();
        _isAwaited = true;
        return new ValueTask(this, _written.Version);
    }

    /// <summary>The part of the message for the next frame.</summary>
    public ArraySegment<byte> TakeFrame(int bytes)
    {
        var part = _left[..bytes];
        _left = _left[bytes..];
        Window -= bytes;
        FramesUnderWay++;
        HasEnded = EndsAfter && _left.Count == 0;
        return part;
    }

    /// <summary>Sends bytes by copying them: they count as sent.</summary>
    public void Copied(int bytes, bool ends)
    {
        Window -= bytes;
        HasEnded = ends;
    }

    /// <summary>A frame has left, or has been copied.</summary>
    public void FrameLeft()
    {
        FramesUnderWay--;
        if (FramesUnderWay == 0 && (_left.Count == 0 || Failure is not null))
            LetGo();
    }

    /// <summary>Nothing more is sent. True where the message is let go of already; otherwise it will be, once its frames under way have left.</summary>
    public bool Close(Exception failure)
    {
        Failure ??= failure;
        _left = default;
        if (FramesUnderWay > 0)
            return false;
        LetGo();
        return true;
    }

    /// <summary>Returns a message to its pool, at once or when its frames under way have left. True where it was at once.</summary>
    public bool Return(FramedMessage message)
    {
        if (FramesUnderWay > 0)
        {
            _returnedLater = message;
            return false;
        }
        message.Return();
        return true;
    }

    private void LetGo()
    {
        if (_isAwaited)
        {
            _isAwaited = false;
            if (Failure is { } failure)
                _written.SetException(failure);
            else
                _written.SetResult(true);
        }
        _returnedLater?.Return();
        _returnedLater = null;
    }

    void IValueTaskSource.GetResult(short token) => _written.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _written.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _written.OnCompleted(continuation, state, token, flags);
}
