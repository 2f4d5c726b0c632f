using System.Buffers.Binary;
using System.Text;

namespace Grpc.Net.Client.Http2;

/// <summary>Bytes on their way out: whole frames, one after the other. Grows as needed; those who add bulk look at the length first.</summary>
internal sealed class OutgoingBuffer
{
    private const int InitialBytes = 4096;

    private byte[] _bytes = new byte[InitialBytes];

    public int Count { get; private set; }

    public ArraySegment<byte> Written => new(_bytes, 0, Count);

    public void Clear() => Count = 0;

    /// <summary>The next bytes, to be filled in.</summary>
    public Span<byte> Take(int bytes)
    {
        if (_bytes.Length - Count < bytes)
            Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, Count + bytes));
        Count += bytes;
        return _bytes.AsSpan(Count - bytes, bytes);
    }

    public void Add(byte value) => Take(1)[0] = value;

    public void Add(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Text of ASCII, as it stands.</summary>
    public void Add(string text) => Encoding.Latin1.GetBytes(text, Take(text.Length));

    public void Add(FrameHeader header) => header.Write(Take(FrameHeader.Size));

    public void AddFrame(FrameKind kind, FrameFlags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        Add(new FrameHeader(payload.Length, kind, flags, streamId));
        Add(payload);
    }

    /// <summary>A frame whose payload is one number of 32 bits.</summary>
    public void AddFrame(FrameKind kind, int streamId, uint value)
    {
        Add(new FrameHeader(sizeof(uint), kind, FrameFlags.None, streamId));
        BinaryPrimitives.WriteUInt32BigEndian(Take(sizeof(uint)), value);
    }

    /// <summary>
    /// Makes HEADERS, and CONTINUATION where it is longer than a frame may be, of the header block from <paramref name="start"/> to the end.
    /// </summary>
    public void FrameHeaders(int start, int streamId, int frameBytesMax)
    {
        var left = Count - start;
        var frames = Math.Max(1, (left + frameBytesMax - 1) / frameBytesMax);
        Take(frames * FrameHeader.Size);
        // From the last to the first, so that each part moves to where nothing is needed any more.
        for (var i = frames - 1; i >= 0; i--)
        {
            var part = i * frameBytesMax;
            var bytes = Math.Min(left - part, frameBytesMax);
            var at = start + part + i * FrameHeader.Size;
            _bytes.AsSpan(start + part, bytes).CopyTo(_bytes.AsSpan(at + FrameHeader.Size));
            new FrameHeader(bytes, i == 0 ? FrameKind.Headers : FrameKind.Continuation, i == frames - 1 ? FrameFlags.EndHeaders : FrameFlags.None, streamId)
                .Write(_bytes.AsSpan(at));
        }
    }
}
