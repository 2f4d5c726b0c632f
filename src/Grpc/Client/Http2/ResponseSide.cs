using System.Threading.Tasks.Sources;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// What has come of a stream's response: head, bytes, trailers. The connection's receiver puts in, one reader takes out. Thread-safe; its own gate
/// guards everything, and may be taken under the connection's, never the other way round.
/// </summary>
internal sealed class ResponseSide : IValueTaskSource<IResponseHead>, IValueTaskSource<int>
{
    /// <summary>What is read before the server is told that it may send so much more.</summary>
    private const int CreditBytes = Http2Limits.StreamWindowBytes / 2;

    private readonly Lock _gate = new();
    private readonly ByteRing _arrived = new();
    private ManualResetValueTaskSourceCore<IResponseHead> _headSource = new() { RunContinuationsAsynchronously = true };
    private ManualResetValueTaskSourceCore<int> _readSource = new() { RunContinuationsAsynchronously = true };

    // Which stream this is the response of; a receiver that comes late for another one is turned away.
    private Http2Connection? _connection;
    private int _streamId;

    private HeaderBlock? _head;
    private HeaderBlock? _trailers;
    private Exception? _failure;
    private bool _isHeadAwaited;
    private bool _isReading;
    private Memory<byte> _destination;
    private int _atLeast;
    private int _filled;
    private int _windowBytes;
    private int _readBytes;

    /// <summary>What came after the last byte.</summary>
    public HeaderBlock Trailers
    {
        get
        {
            lock (_gate)
                return _trailers ?? HeaderBlock.Empty;
        }
    }

    /// <summary>Whether the response has ended, as far as the server is concerned.</summary>
    public bool HasEnded
    {
        get
        {
            lock (_gate)
                return _trailers is not null;
        }
    }

    public void Open(Http2Connection connection, int streamId)
    {
        lock (_gate)
        {
            (_connection, _streamId) = (connection, streamId);
            (_head, _trailers, _failure, _isHeadAwaited, _isReading, _destination) = (null, null, null, false, false, default);
            (_windowBytes, _readBytes) = (Http2Limits.StreamWindowBytes, 0);
            _arrived.Clear();
        }
    }

    /// <summary>The reader is gone: buffers go back.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _connection = null;
            _arrived.Clear();
        }
    }

    public ValueTask<IResponseHead> HeadAsync()
    {
        lock (_gate)
        {
            if (_failure is { } failure)
                return ValueTask.FromException<IResponseHead>(failure);
            if (_head is not null)
                return new ValueTask<IResponseHead>(_head);
            _headSource.Reset();
            _isHeadAwaited = true;
            return new ValueTask<IResponseHead>(this, _headSource.Version);
        }
    }

    /// <summary>At least so many bytes; fewer only at the end of the response.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="atLeast">At least 1, at most the buffer's length.</param>
    /// <param name="credit">What the server may be told that it can send more; 0 while that is little.</param>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, int atLeast, out int credit)
    {
        lock (_gate)
        {
            credit = 0;
            if (_failure is { } failure)
                return ValueTask.FromException<int>(failure);
            _filled = _arrived.Read(buffer.Span);
            _readBytes += _filled;
            credit = TakeCredit();
            if (_filled >= atLeast || _trailers is not null)
                return new ValueTask<int>(_filled);
            _readSource.Reset();
            (_isReading, _destination, _atLeast) = (true, buffer, atLeast);
            return new ValueTask<int>(this, _readSource.Version);
        }
    }

    /// <summary>A header block has come. True where it ended the response.</summary>
    /// <exception cref="ProtocolViolationException">None may come here.</exception>
    public bool AddHeaders(Http2Connection connection, int streamId, HeaderBlock block, bool ends)
    {
        lock (_gate)
        {
            if (!IsOf(connection, streamId))
                return false;
            if (_trailers is not null)
                throw new ProtocolViolationException(Http2Error.StreamClosed, "It sent headers after the end of a response.");
            if (_head is null)
                return AddHead(block, ends);
            if (!ends || block.HttpStatus != 0)
                throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent a second head, or trailers that don't end the response.");
            End(block);
            return true;
        }
    }

    /// <summary>A DATA frame begins. False where this is no longer the stream's.</summary>
    /// <exception cref="ProtocolViolationException">None may come here, or the window doesn't allow it.</exception>
    public bool BeginData(Http2Connection connection, int streamId, int frameBytes)
    {
        lock (_gate)
        {
            if (!IsOf(connection, streamId))
                return false;
            if (_head is null)
                throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent DATA before the response's head.");
            if (_trailers is not null)
                throw new ProtocolViolationException(Http2Error.StreamClosed, "It sent DATA after the end of a response.");
            _windowBytes -= frameBytes;
            return _windowBytes >= 0 ? true : throw new ProtocolViolationException(
                Http2Error.FlowControlError, $"It sent more than the {Http2Limits.StreamWindowBytes} bytes that a stream's window allows.");
        }
    }

    /// <summary>Part of a DATA frame's payload. What the server may be told that it can send more; 0 while that is little.</summary>
    public int AddData(Http2Connection connection, int streamId, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            if (!IsOf(connection, streamId))
                return 0;
            if (_isReading)
            {
                var direct = Math.Min(data.Length, _destination.Length - _filled);
                data[..direct].CopyTo(_destination.Span[_filled..]);
                _filled += direct;
                _readBytes += direct;
                data = data[direct..];
                if (_filled >= _atLeast)
                    EndRead();
            }
            _arrived.Write(data);
            return TakeCredit();
        }
    }

    /// <summary>Bytes of the stream that nobody reads: padding.</summary>
    public int SkipData(Http2Connection connection, int streamId, int bytes)
    {
        lock (_gate)
        {
            if (!IsOf(connection, streamId))
                return 0;
            _readBytes += bytes;
            return TakeCredit();
        }
    }

    /// <summary>The response ends without trailers. True where it is this stream's.</summary>
    public bool TryEnd(Http2Connection connection, int streamId)
    {
        lock (_gate)
        {
            if (!IsOf(connection, streamId))
                return false;
            End(HeaderBlock.Empty);
            return true;
        }
    }

    /// <summary>The stream fails, unless its response has ended: what waits for it, and what comes after, throws this.</summary>
    public void Fail(Http2Connection connection, int streamId, Exception failure)
    {
        lock (_gate)
        {
            if (!IsOf(connection, streamId) || _trailers is not null || _failure is not null)
                return;
            _failure = failure;
            _arrived.Clear();
            if (_isHeadAwaited)
            {
                _isHeadAwaited = false;
                _headSource.SetException(failure);
            }
            if (_isReading)
            {
                (_isReading, _destination) = (false, default);
                _readSource.SetException(failure);
            }
        }
    }

    private bool IsOf(Http2Connection connection, int streamId) => _connection == connection && _streamId == streamId && _failure is null;

    private bool AddHead(HeaderBlock block, bool ends)
    {
        if (block.HttpStatus == 0 || ends && block.IsInformational)
            throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent a response's head without a status.");
        if (block.IsInformational)
            return false;
        _head = block;
        if (ends)
            End(HeaderBlock.Empty);
        if (_isHeadAwaited)
        {
            _isHeadAwaited = false;
            _headSource.SetResult(block);
        }
        return ends;
    }

    private void End(HeaderBlock trailers)
    {
        _trailers = trailers;
        if (_isReading)
            EndRead();
    }

    private void EndRead()
    {
        (_isReading, _destination) = (false, default);
        _readSource.SetResult(_filled);
    }

    private int TakeCredit()
    {
        if (_readBytes < CreditBytes || _trailers is not null)
            return 0;
        var credit = _readBytes;
        _readBytes = 0;
        _windowBytes += credit;
        return credit;
    }

    IResponseHead IValueTaskSource<IResponseHead>.GetResult(short token) => _headSource.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<IResponseHead>.GetStatus(short token) => _headSource.GetStatus(token);

    void IValueTaskSource<IResponseHead>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _headSource.OnCompleted(continuation, state, token, flags);

    int IValueTaskSource<int>.GetResult(short token) => _readSource.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _readSource.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _readSource.OnCompleted(continuation, state, token, flags);
}
