using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// One HTTP/2 connection (RFC 9113), the client's side. Its gate guards the table of streams, all that is to be sent, and the server's settings; what
/// has arrived is each stream's own. No user code runs on its threads, and nothing waits while it holds the gate. Thread-safe.
/// </summary>
internal sealed class Http2Connection
{
    private readonly Lock _gate = new();
    private readonly IWire _wire;
    private readonly RequestHead _head;
    private readonly Action<Http2Connection> _changed;
    private readonly FrameSender _sender;
    private readonly FrameReceiver _receiver;
    private readonly KeepAlive _keepAlive;

    // All under the gate.
    private readonly StreamTable _streams = new();
    private readonly HpackEncoder _encoder = new();
    private readonly PeerSettings _settings;
    private bool _isDraining;
    private bool _hasSaidGoodbye;
    private bool _isClosed;
    private Exception? _failure;

    private readonly ReceiveWindow _window = new();

    /// <param name="wire">Connected; disposed with this.</param>
    /// <param name="head">Writes the heads of calls.</param>
    /// <param name="streamsMax">How many streams may be open before the server has said it.</param>
    /// <param name="times">When to ping.</param>
    /// <param name="clock">The time.</param>
    /// <param name="changed">Told when a stream can be opened that couldn't before, or none any more.</param>
    public Http2Connection(IWire wire, RequestHead head, int streamsMax, KeepAliveTimes times, TimeProvider clock, Action<Http2Connection> changed)
    {
        (_wire, _head, _changed) = (wire, head, changed);
        _settings = new PeerSettings(streamsMax);
        _sender = new FrameSender(_gate, wire, OnSendFailed);
        _receiver = new FrameReceiver(wire, this);
        _keepAlive = new KeepAlive(clock, times, this);
        Preface.Write(_sender.Buffer);
    }

    /// <summary>Whether streams may be opened, now or when others have ended.</summary>
    public bool IsUsable
    {
        get
        {
            lock (_gate)
                return !_isClosed && !_isDraining;
        }
    }

    /// <summary>Whether a stream was ever opened.</summary>
    public bool WasUsed
    {
        get
        {
            lock (_gate)
                return _streams.WasUsed;
        }
    }

    /// <summary>What ended the connection without a GOAWAY before it; null otherwise.</summary>
    public Exception? Failure
    {
        get
        {
            lock (_gate)
                return _failure;
        }
    }

    /// <summary>How many streams the server lets be open, as it said last.</summary>
    public int StreamsMax
    {
        get
        {
            lock (_gate)
                return _settings.StreamsMax;
        }
    }

    public bool HasStreams
    {
        get
        {
            lock (_gate)
                return _streams.Count > 0;
        }
    }

    /// <summary>Says hello and begins to receive.</summary>
    public void Start()
    {
        _sender.Pump();
        _ = _receiver.RunAsync();
    }

    /// <summary>Opens a stream, with a message where it is the only one; false where this connection has no room for it.</summary>
    /// <exception cref="RpcException">The server doesn't take a head of that size.</exception>
    public bool TryOpen(Http2Stream stream, in CallHead head, ReadOnlyMemory<byte> onlyMessage)
    {
        lock (_gate)
        {
            if (_isClosed || _isDraining || _streams.Count >= _settings.StreamsMax)
                return false;
            RequestHead.Check(head, _settings.HeaderListBytesMax);
            var id = _streams.Add(stream);
            _isDraining = _streams.IsUsedUp;
            stream.Open(this, id, _settings.WindowBytes);
            var start = _sender.Buffer.Count;
            _head.Write(_encoder, _sender.Buffer, head);
            _sender.Buffer.FrameHeaders(start, id, _settings.FrameBytesMax);
            if (!onlyMessage.IsEmpty && !_sender.TryCopy(stream.Request, onlyMessage.Span, ends: true))
            {
                stream.Request.Begin(onlyMessage, endsAfter: true);
                _sender.MakeReady(stream.Request);
            }
        }
        _sender.Pump();
        return true;
    }

    /// <summary>Sends a message; done when it needs its memory no more.</summary>
    public ValueTask WriteAsync(Http2Stream stream, ReadOnlyMemory<byte> message)
    {
        ValueTask written = default;
        lock (_gate)
        {
            if (!_streams.Has(stream) || stream.Request.Failure is not null)
                return ValueTask.FromException(stream.Request.Failure ?? new StreamEndedException());
            if (!_sender.TryCopy(stream.Request, message.Span, ends: false))
            {
                stream.Request.Begin(message, endsAfter: false);
                written = stream.Request.WrittenAsync();
                _sender.MakeReady(stream.Request);
            }
        }
        _sender.Pump();
        return written;
    }

    /// <summary>Ends the request. No write is under way.</summary>
    public void CompleteWriting(Http2Stream stream)
    {
        lock (_gate)
        {
            if (!_streams.Has(stream) || stream.Request.Failure is not null || stream.Request.HasEnded)
                return;
            _sender.Buffer.AddFrame(FrameKind.Data, FrameFlags.EndStream, stream.Id, []);
            stream.Request.Copied(0, ends: true);
        }
        _sender.Pump();
    }

    /// <summary>Ends a stream early: whatever waits for it throws this, and the server is told by a reset. Nothing where it has ended.</summary>
    /// <param name="stream">Not in use on another connection.</param>
    /// <param name="failure">What is thrown; null says that the call was disposed.</param>
    /// <param name="error">What the server is told.</param>
    public void Abandon(Http2Stream stream, Exception? failure, Http2Error error)
    {
        int id;
        bool isStuck;
        lock (_gate)
        {
            if (!_streams.Has(stream))
                return;
            failure ??= new OperationCanceledException("The call was disposed.");
            id = stream.Id;
            _streams.Remove(id);
            // Its reader may know of its end before the receiver has taken it off the table: there is nothing to reset then.
            if (!stream.Request.HasEnded || !stream.Response.HasEnded)
            {
                _sender.Close(stream.Request, failure);
                _sender.Buffer.AddFrame(FrameKind.ResetStream, id, (uint)error);
            }
            // Calls that are given up make room for others, which wait for the same server to read.
            isStuck = _sender.Buffer.Count > Http2Limits.OutgoingBytesMax;
        }
        stream.Response.Fail(this, id, failure);
        _sender.Pump();
        if (isStuck)
            Abort(new ConnectionLostException($"The server reads nothing: {Http2Limits.OutgoingBytesMax} bytes of calls' heads wait for it."));
        OnStreamLeft();
    }

    /// <summary>A reader has taken so much: the server may send as much more.</summary>
    public void Credit(int streamId, int bytes)
    {
        AddCredit(streamId, bytes);
        _sender.Pump();
    }

    public void Ping()
    {
        lock (_gate)
            _sender.Buffer.AddFrame(FrameKind.Ping, FrameFlags.None, 0, new byte[sizeof(long)]);
        _sender.Pump();
    }

    /// <summary>Says goodbye and ends the connection; streams fail with <see cref="ConnectionLostException"/>.</summary>
    public void Close() => Abort(new ConnectionLostException("The channel was disposed."));

    /// <summary>Ends the connection at once: its streams fail. Safe to call more than once.</summary>
    public void Abort(Exception cause)
    {
        var failure = cause is ConnectionLostException or ProtocolViolationException ? cause : new ConnectionLostException(cause.Message, cause);
        lock (_gate)
        {
            if (_isClosed)
                return;
            _isClosed = true;
            _failure = _hasSaidGoodbye ? null : failure;
            Preface.WriteGoodbye(_sender.Buffer, (cause as ProtocolViolationException)?.Error ?? Http2Error.NoError);
        }
        _sender.Pump();
        List<Http2Stream> streams;
        lock (_gate)
        {
            _sender.Stop();
            streams = [.. _streams.All];
            _streams.Clear();
            foreach (var stream in streams)
                _sender.Close(stream.Request, failure);
        }
        foreach (var stream in streams)
            stream.Response.Fail(this, stream.Id, failure);
        _keepAlive.Dispose();
        _wire.Dispose();
        _changed(this);
    }

    /// <summary>Sends what the receiver has asked for.</summary>
    public void Flush() => _sender.Pump();

    /// <summary>Something came from the server.</summary>
    public void Hear() => _keepAlive.Hear();

    /// <summary>Returns a message to its pool, once no send is at work on it. True where it was at once.</summary>
    public bool Return(RequestSide side, Wire.FramedMessage message)
    {
        lock (_gate)
            return side.Return(message);
    }

    public void ApplySettings(ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            var windowBytes = _settings.WindowBytes;
            _settings.Apply(payload);
            _encoder.Resize(_settings.HeaderTableBytes);
            _sender.FrameBytesMax = Math.Min(_settings.FrameBytesMax, Http2Limits.SentFrameBytesMax);
            foreach (var stream in _streams.All)
                WidenStream(stream, _settings.WindowBytes - windowBytes);
        }
        Answer(FrameKind.Settings, []);
        _changed(this);
    }

    /// <summary>Answers a ping or settings.</summary>
    public void Answer(FrameKind kind, ReadOnlySpan<byte> payload)
    {
        bool areMany;
        lock (_gate)
        {
            if (++_sender.WaitingAnswers > Http2Limits.WaitingAnswersMax)
                throw new ProtocolViolationException(Http2Error.EnhanceYourCalm, $"It asked for more than {Http2Limits.WaitingAnswersMax} answers and reads none.");
            _sender.Buffer.AddFrame(kind, FrameFlags.Ack, 0, payload);
            areMany = _sender.WaitingAnswers > Http2Limits.WaitingAnswersMax / 2;
        }
        // They leave now, where they can; what arrived in one piece may ask for many.
        if (areMany)
            _sender.Pump();
    }

    /// <summary>The server takes so much more on a stream, or, where its number is 0, on all together.</summary>
    public void Widen(int streamId, int bytes)
    {
        lock (_gate)
        {
            var stream = streamId != 0 && _streams.TryFind(streamId, out var open) ? open : null;
            if (bytes == 0)
                throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent a WINDOW_UPDATE of 0.");
            if (stream is not null)
                WidenStream(stream, bytes);
            else if (streamId == 0 && !_sender.Widen(bytes))
                throw new ProtocolViolationException(Http2Error.FlowControlError, "It widened the connection's window beyond 2³¹ − 1 bytes.");
        }
    }

    /// <summary>The server resets a stream.</summary>
    public void Reset(int streamId, Http2Error error)
    {
        if (Find(streamId) is not { } stream)
            return;
        Exception failure = error == Http2Error.RefusedStream
            ? new StreamRefusedException("It refused the stream.")
            : new StreamResetException(error);
        Remove(stream, streamId, failure);
        OnStreamLeft();
    }

    /// <summary>The server opens no streams any more, and did nothing with those above the last one.</summary>
    public void GoAway(int lastStreamId, Http2Error error)
    {
        List<Http2Stream> refused;
        lock (_gate)
        {
            _isDraining = true;
            _hasSaidGoodbye = true;
            refused = [.. _streams.All.Where(stream => stream.Id > lastStreamId)];
        }
        foreach (var stream in refused)
            Remove(stream, stream.Id, new StreamRefusedException($"It ended the connection with {error} (0x{(uint)error:x})."));
        _changed(this);
        OnStreamLeft();
    }

    /// <summary>A header block is complete.</summary>
    public void AddHeaders(int streamId, HeaderBlocks blocks, List<HeaderField> fields, bool ends)
    {
        if (Find(streamId) is not { } stream)
            return;
        try
        {
            if (stream.Response.AddHeaders(this, streamId, blocks.Of(fields), ends))
                EndResponse(stream, streamId);
        }
        catch (ProtocolViolationException e)
        {
            Abandon(stream, e, e.Error);
        }
    }

    /// <summary>A DATA frame begins. The stream that takes it; null where none does any more.</summary>
    public Http2Stream? BeginData(FrameHeader header)
    {
        var stream = Find(header.StreamId);
        _window.Take(header.Bytes);
        try
        {
            return stream?.Response.BeginData(this, header.StreamId, header.Bytes) == true ? stream : null;
        }
        catch (ProtocolViolationException e)
        {
            Abandon(stream!, e, e.Error);
            return null;
        }
    }

    /// <summary>Part of a DATA frame.</summary>
    public void AddData(Http2Stream stream, int streamId, ReadOnlySpan<byte> data)
    {
        var credit = stream.Response.AddData(this, streamId, data);
        if (credit > 0)
            AddCredit(streamId, credit);
    }

    /// <summary>Padding of a DATA frame, which counts as read.</summary>
    public void SkipData(Http2Stream stream, int streamId, int bytes)
    {
        var credit = stream.Response.SkipData(this, streamId, bytes);
        if (credit > 0)
            AddCredit(streamId, credit);
    }

    /// <summary>A DATA frame has been read to its end.</summary>
    public void EndData(Http2Stream? stream, FrameHeader header)
    {
        if (stream is not null && header.Has(FrameFlags.EndStream) && stream.Response.TryEnd(this, header.StreamId))
            EndResponse(stream, header.StreamId);
        if (_window.Arrived(header.Bytes) is > 0 and var credit)
        {
            lock (_gate)
                _sender.Buffer.AddFrame(FrameKind.WindowUpdate, 0, (uint)credit);
        }
    }

    private void OnSendFailed(Exception e)
    {
        // Not the wire's end, of which the receiver would never hear.
        if (e is not (SocketException or IOException or ConnectionLostException or ObjectDisposedException))
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.Connection.Abort(work.Cause), (Connection: this, Cause: e), preferLocal: false);
        // What the server said last may still lie in the receiver's way; it finds the end of the connection by itself.
        lock (_gate)
        {
            _isDraining = true;
            _sender.Stop();
        }
    }

    /// <summary>The stream of a frame; null for one that has ended.</summary>
    private Http2Stream? Find(int streamId)
    {
        lock (_gate)
            return _streams.TryFind(streamId, out var stream) ? stream : null;
    }

    private void EndResponse(Http2Stream stream, int streamId)
    {
        lock (_gate)
        {
            if (stream.Id != streamId || !_streams.Has(stream))
                return;
            if (!stream.Request.HasEnded)
            {
                _sender.Close(stream.Request, new StreamEndedException());
                return;
            }
            _streams.Remove(streamId);
        }
        OnStreamLeft();
    }

    private void Remove(Http2Stream stream, int streamId, Exception failure)
    {
        lock (_gate)
        {
            if (!_streams.Has(stream, streamId))
                return;
            _streams.Remove(streamId);
            _sender.Close(stream.Request, failure);
        }
        stream.Response.Fail(this, streamId, failure);
    }

    private void WidenStream(Http2Stream stream, int bytes)
    {
        if (stream.Request.Window + (long)bytes > int.MaxValue)
            throw new ProtocolViolationException(Http2Error.FlowControlError, "It widened a stream's window beyond 2³¹ − 1 bytes.");
        stream.Request.Window += bytes;
        _sender.MakeReady(stream.Request);
    }

    private void AddCredit(int streamId, int bytes)
    {
        lock (_gate)
        {
            if (_streams.TryFind(streamId, out _))
                _sender.Buffer.AddFrame(FrameKind.WindowUpdate, streamId, (uint)bytes);
        }
    }

    private void OnStreamLeft()
    {
        bool isDone;
        lock (_gate)
            isDone = _isDraining && _streams.Count == 0;
        if (isDone)
            Abort(new ConnectionLostException("The server ended the connection."));
        else
            _changed(this);
    }
}
