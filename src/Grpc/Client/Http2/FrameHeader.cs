using System.Buffers.Binary;

namespace Grpc.Net.Client.Http2;

/// <summary>Kinds of frames (RFC 9113 §6).</summary>
internal enum FrameKind : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    ResetStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>Flags of frames; what a bit means depends on the kind.</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,
    Ack = 1,
    EndStream = 1,
    EndHeaders = 4,
    Padded = 8,
    Priority = 32,
}

/// <summary>The nine bytes before each frame's payload (RFC 9113 §4.1).</summary>
/// <param name="Bytes">The payload's length.</param>
/// <param name="Kind">What the payload is; may be a kind that isn't known.</param>
/// <param name="Flags">Flags of that kind.</param>
/// <param name="StreamId">The stream, or 0 for the connection.</param>
internal readonly record struct FrameHeader(int Bytes, FrameKind Kind, FrameFlags Flags, int StreamId)
{
    public const int Size = 9;

    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        source[0] << 16 | source[1] << 8 | source[2],
        (FrameKind)source[3],
        (FrameFlags)source[4],
        (int)(BinaryPrimitives.ReadUInt32BigEndian(source[5..]) & int.MaxValue));

    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)(Bytes >> 16);
        destination[1] = (byte)(Bytes >> 8);
        destination[2] = (byte)Bytes;
        destination[3] = (byte)Kind;
        destination[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(destination[5..], StreamId);
    }

    public bool Has(FrameFlags flag) => (Flags & flag) != 0;
}
