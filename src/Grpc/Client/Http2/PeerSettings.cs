using System.Buffers.Binary;

namespace Grpc.Net.Client.Http2;

/// <summary>What the server's SETTINGS frames said last (RFC 9113 §6.5.2). Under the connection's gate.</summary>
/// <param name="streamsMax">How many streams may be open before any settings have come.</param>
internal sealed class PeerSettings(int streamsMax)
{
    private const int EntryBytes = 6;
    private const int FrameBytesLimit = (1 << 24) - 1;

    private bool _haveCome;

    public int HeaderTableBytes { get; private set; } = Http2Limits.HeaderTableBytes;

    public int StreamsMax { get; private set; } = streamsMax;

    public int WindowBytes { get; private set; } = Http2Limits.DefaultWindowBytes;

    public int FrameBytesMax { get; private set; } = Http2Limits.DefaultFrameBytesMax;

    /// <summary>The largest list of headers the server takes, bytes.</summary>
    public long HeaderListBytesMax { get; private set; } = long.MaxValue;

    /// <exception cref="ProtocolViolationException">A value is none that it may have.</exception>
    public void Apply(ReadOnlySpan<byte> payload)
    {
        if (payload.Length % EntryBytes != 0)
            throw new ProtocolViolationException(Http2Error.FrameSizeError, $"It sent settings of {payload.Length} bytes; each has {EntryBytes}.");
        if (!_haveCome)
            StreamsMax = int.MaxValue;
        _haveCome = true;
        for (; !payload.IsEmpty; payload = payload[EntryBytes..])
            Apply(BinaryPrimitives.ReadUInt16BigEndian(payload), BinaryPrimitives.ReadUInt32BigEndian(payload[2..]));
    }

    private void Apply(ushort setting, uint value)
    {
        switch (setting)
        {
            case 1:
                HeaderTableBytes = (int)Math.Min(value, int.MaxValue);
                break;
            case 2 when value != 0:
                throw Wrong("ENABLE_PUSH", value, Http2Error.ProtocolError);
            case 3:
                StreamsMax = (int)Math.Min(value, int.MaxValue);
                break;
            case 4:
                WindowBytes = value <= int.MaxValue ? (int)value : throw Wrong("INITIAL_WINDOW_SIZE", value, Http2Error.FlowControlError);
                break;
            case 5:
                FrameBytesMax = value is >= Http2Limits.DefaultFrameBytesMax and <= FrameBytesLimit ? (int)value : throw Wrong("MAX_FRAME_SIZE", value, Http2Error.ProtocolError);
                break;
            case 6:
                HeaderListBytesMax = value;
                break;
            default:
                break; // Unknown settings are to be ignored.
        }
    }

    private static ProtocolViolationException Wrong(string setting, uint value, Http2Error error) =>
        new(error, $"It set {setting} to {value}, which it can't be.");
}
