namespace Grpc.Net.Client.Http2;

/// <summary>
/// What goes to the socket in one system call: control frames and small messages, then a few frames of large messages, each a header of its own and
/// a payload where it lies. Under the connection's gate, but <see cref="Segments"/> while they are sent.
/// </summary>
internal sealed class SendBatch
{
    // With the copied frames and two segments each they are seven: above eight, the runtime allocates for each system call.
    private const int FramesMax = 3;

    private readonly List<RequestSide?> _owners = [];
    private readonly byte[] _headers = new byte[FramesMax * FrameHeader.Size];
    private int _frames;

    public List<ArraySegment<byte>> Segments { get; } = [];

    public bool IsEmpty => Segments.Count == 0;

    public bool IsFull => _frames == FramesMax;

    /// <summary>Adds bytes that belong to no stream.</summary>
    public void Add(ArraySegment<byte> bytes)
    {
        Segments.Add(bytes);
        _owners.Add(null);
    }

    /// <summary>Adds a DATA frame with the next bytes of a side's message.</summary>
    public void AddFrame(RequestSide side, int bytes)
    {
        var payload = side.TakeFrame(bytes);
        var header = new ArraySegment<byte>(_headers, _frames * FrameHeader.Size, FrameHeader.Size);
        new FrameHeader(bytes, FrameKind.Data, side.HasEnded ? FrameFlags.EndStream : FrameFlags.None, side.StreamId).Write(header);
        _frames++;
        Add(header);
        Segments.Add(payload);
        _owners.Add(side);
    }

    /// <summary>So many bytes have been sent.</summary>
    public void Advance(int bytes)
    {
        var whole = 0;
        while (whole < Segments.Count && Segments[whole].Count <= bytes)
        {
            bytes -= Segments[whole].Count;
            _owners[whole++]?.FrameLeft();
        }
        Segments.RemoveRange(0, whole);
        _owners.RemoveRange(0, whole);
        if (bytes > 0)
            Segments[0] = Segments[0][bytes..];
        if (IsEmpty)
            _frames = 0;
    }

    /// <summary>Lets go of the messages of sides that are closed: what is left of their frames, which must still be sent, is copied.</summary>
    public void DetachClosed()
    {
        for (var i = 0; i < _owners.Count; i++)
        {
            if (_owners[i] is not { Failure: not null } side)
                continue;
            Segments[i] = new ArraySegment<byte>(Segments[i].ToArray());
            _owners[i] = null;
            side.FrameLeft();
        }
    }

    /// <summary>Nothing will be sent any more.</summary>
    public void Drop()
    {
        foreach (var owner in _owners)
            owner?.FrameLeft();
        Segments.Clear();
        _owners.Clear();
    }
}
