namespace Grpc.Net.Client.Http2;

/// <summary>Puts header blocks together from HEADERS and CONTINUATION frames, and decodes them in order, whosever they are. One thread at a time.</summary>
internal sealed class HeaderReceiver(Http2Connection connection)
{
    private const int FragmentsMax = 64;
    private const int PriorityBytes = 5;

    private readonly HpackDecoder _decoder = new();
    private readonly HeaderBlocks _blocks = new();
    private readonly List<HeaderField> _fields = [];
    private byte[] _block = [];
    private int _blockBytes;
    private int _fragments;

    // The stream whose block isn't complete, or 0.
    private int _streamId;
    private bool _endsStream;

    /// <summary>Refuses any other frame within a header block (RFC 9113 §6.10).</summary>
    public void Check(FrameHeader header)
    {
        if (_streamId != 0 ? header.Kind != FrameKind.Continuation || header.StreamId != _streamId : header.Kind == FrameKind.Continuation)
            throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent CONTINUATION where none may stand, or something else within a header block.");
    }

    public void Receive(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        var isFirst = header.Kind == FrameKind.Headers;
        if (isFirst)
        {
            _endsStream = header.Has(FrameFlags.EndStream);
            payload = Strip(header, payload);
        }
        var isLast = header.Has(FrameFlags.EndHeaders);
        if (isFirst && isLast)
        {
            Decode(header.StreamId, payload);
            return;
        }
        Collect(payload);
        _streamId = isLast ? 0 : header.StreamId;
        if (!isLast)
            return;
        Decode(header.StreamId, _block.AsSpan(0, _blockBytes));
        (_block, _blockBytes, _fragments) = ([], 0, 0);
    }

    private void Collect(ReadOnlySpan<byte> fragment)
    {
        if (_blockBytes + fragment.Length > Http2Limits.HeaderBlockBytesMax || ++_fragments > FragmentsMax)
        {
            throw new ProtocolViolationException(
                Http2Error.EnhanceYourCalm, $"It sent headers of more than {Http2Limits.HeaderBlockBytesMax} bytes, or in more than {FragmentsMax} frames.");
        }
        if (_block.Length == 0)
            _block = new byte[Http2Limits.HeaderBlockBytesMax];
        fragment.CopyTo(_block.AsSpan(_blockBytes));
        _blockBytes += fragment.Length;
    }

    private void Decode(int streamId, ReadOnlySpan<byte> block)
    {
        _fields.Clear();
        _decoder.Decode(block, _fields);
        connection.AddHeaders(streamId, _blocks, _fields, _endsStream);
    }

    private static ReadOnlySpan<byte> Strip(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        var front = (header.Has(FrameFlags.Padded) ? 1 : 0) + (header.Has(FrameFlags.Priority) ? PriorityBytes : 0);
        var padding = header.Has(FrameFlags.Padded) && payload.Length > 0 ? payload[0] : 0;
        return front + padding <= payload.Length
            ? payload[front..^padding]
            : throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent a HEADERS frame with more padding than bytes.");
    }
}
