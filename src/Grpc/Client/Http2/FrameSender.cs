namespace Grpc.Net.Client.Http2;

/// <summary>
/// The sending half of a connection. Frames are put in order under the connection's gate, and leave outside of it, by whoever comes first
/// (<see cref="Pump"/>): what others add meanwhile leaves with the next system call. Streams with large messages take turns, a frame each.
/// </summary>
internal sealed class FrameSender
{
    /// <summary>Messages up to this size are copied, so that many leave with one system call and their writers needn't wait.</summary>
    private const int CopiedBytesMax = 16 * 1024;

    /// <summary>What may wait, copied, bytes; beyond it messages wait where they are.</summary>
    private const int BufferedBytesMax = 64 * 1024;

    private readonly Lock _gate;
    private readonly IWire _wire;
    private readonly Action<Exception> _broken;
    private readonly Action _pumpOn;
    private readonly SendBatch _batch = new();
    private readonly List<RequestSide> _ready = [];

    // All under the gate. Of two buffers one is filled while the other one leaves.
    private OutgoingBuffer _leaving = new();
    private int _window = Http2Limits.DefaultWindowBytes;
    private bool _isPumping;
    private bool _isSending;
    private bool _isStopped;

    /// <param name="gate">The connection's.</param>
    /// <param name="wire">Where frames go.</param>
    /// <param name="broken">Told that the wire failed; outside the gate.</param>
    public FrameSender(Lock gate, IWire wire, Action<Exception> broken)
    {
        _gate = gate;
        _wire = wire;
        _broken = broken;
        _pumpOn = PumpOn;
    }

    /// <summary>Where frames are appended, whole ones, under the gate.</summary>
    public OutgoingBuffer Buffer { get; private set; } = new();

    /// <summary>The largest DATA frame the server takes.</summary>
    public int FrameBytesMax { get; set; } = Http2Limits.DefaultFrameBytesMax;

    /// <summary>Answers to pings and settings that the server hasn't taken yet. Counted by the connection.</summary>
    public int WaitingAnswers { get; set; }

    /// <summary>Copies a small message, where nobody else waits and the windows allow all of it; else false.</summary>
    public bool TryCopy(RequestSide side, ReadOnlySpan<byte> message, bool ends)
    {
        if (message.Length > Math.Min(CopiedBytesMax, Math.Min(side.Window, _window)) || _ready.Count > 0 || Buffer.Count + message.Length > BufferedBytesMax)
            return false;
        _window -= message.Length;
        side.Copied(message.Length, ends);
        Buffer.AddFrame(FrameKind.Data, ends ? FrameFlags.EndStream : FrameFlags.None, side.StreamId, message);
        return true;
    }

    /// <summary>A side has something to send, or its window has grown.</summary>
    public void MakeReady(RequestSide side)
    {
        if (side.IsReady || side.LeftBytes == 0 || side.Window <= 0 || _isStopped)
            return;
        side.IsReady = true;
        _ready.Add(side);
    }

    /// <summary>A side sends nothing more. Its message is let go of, at once or when the send at work on it is over.</summary>
    public void Close(RequestSide side, Exception failure)
    {
        if (side.IsReady)
            _ready.Remove(side);
        side.IsReady = false;
        if (!side.Close(failure) && !_isSending)
            _batch.DetachClosed();
    }

    /// <summary>The server takes so much more in all; false where that is more than a window can be.</summary>
    public bool Widen(int bytes)
    {
        if (_window + (long)bytes > int.MaxValue)
            return false;
        _window += bytes;
        return true;
    }

    /// <summary>Nothing is sent any more.</summary>
    public void Stop()
    {
        _isStopped = true;
        _ready.Clear();
        if (!_isSending)
            _batch.Drop();
    }

    /// <summary>Sends what there is, unless somebody is at it. Outside the gate; never throws.</summary>
    public void Pump()
    {
        lock (_gate)
        {
            if (_isPumping || _isStopped)
                return;
            _isPumping = true;
        }
        PumpOn();
    }

    private void PumpOn()
    {
        try
        {
            while (TryBeginSend())
            {
                var sent = _wire.TrySend(_batch.Segments);
                EndSend(sent);
                if (sent == 0 && _wire.WhenSendable(_pumpOn))
                    return;
            }
        }
        catch (Exception e)
        {
            EndSend(0);
            _broken(e);
        }
    }

    private bool TryBeginSend()
    {
        lock (_gate)
        {
            if (!_isStopped && _batch.IsEmpty)
                FillBatch();
            _isSending = !_isStopped && !_batch.IsEmpty;
            _isPumping = _isSending;
            return _isSending;
        }
    }

    private void EndSend(int sent)
    {
        lock (_gate)
        {
            _isSending = false;
            _batch.Advance(sent);
            if (_isStopped)
                _batch.Drop();
            else
                _batch.DetachClosed();
        }
    }

    private void FillBatch()
    {
        if (Buffer.Count > 0)
        {
            (Buffer, _leaving) = (_leaving, Buffer);
            Buffer.Clear();
            WaitingAnswers = 0;
            _batch.Add(_leaving.Written);
        }
        while (_ready.Count > 0 && _window > 0 && !_batch.IsFull)
        {
            var side = _ready[0];
            _ready.RemoveAt(0);
            side.IsReady = false;
            // The server may have narrowed it since; what widens it makes it ready again.
            if (side.Window <= 0)
                continue;
            var bytes = Math.Min(Math.Min(side.LeftBytes, FrameBytesMax), Math.Min(side.Window, _window));
            _window -= bytes;
            _batch.AddFrame(side, bytes);
            MakeReady(side);
        }
    }
}
