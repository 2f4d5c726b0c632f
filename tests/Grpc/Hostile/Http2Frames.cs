using System.Buffers.Binary;
using System.Text;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Kinds of frames (RFC 9113 §6).</summary>
internal enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    ResetStream = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>Error codes (RFC 9113 §7).</summary>
internal enum Http2Error
{
    None = 0,
    Protocol = 1,
    Internal = 2,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    RefusedStream = 7,
    Cancel = 8,
    Compression = 9,
    EnhanceYourCalm = 0xb,
}

/// <summary>Settings (RFC 9113 §6.5.2).</summary>
internal enum Setting : ushort
{
    HeaderTableSize = 1,
    EnablePush = 2,
    StreamsMax = 3,
    InitialWindowSize = 4,
    MaxFrameSize = 5,
}

/// <summary>One received frame.</summary>
internal readonly record struct Frame(FrameType Type, byte Flags, int Stream, byte[] Payload)
{
    /// <summary>What a RST_STREAM or GOAWAY says.</summary>
    public Http2Error Error => (Http2Error)BinaryPrimitives.ReadInt32BigEndian(Payload.AsSpan(Type == FrameType.GoAway ? 4 : 0));

    public bool IsAck => (Flags & Http2Frames.Ack) != 0;
}

/// <summary>Frames as bytes, right or wrong: nothing is checked here.</summary>
internal static class Http2Frames
{
    public const int HeaderBytes = 9;
    public const byte Ack = 1;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    public static byte[] Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    public static byte[] Make(FrameType type, int flags, int stream, ReadOnlySpan<byte> payload, int? announcedBytes = null)
    {
        var frame = new byte[HeaderBytes + payload.Length];
        var bytes = announcedBytes ?? payload.Length;
        (frame[0], frame[1], frame[2]) = ((byte)(bytes >> 16), (byte)(bytes >> 8), (byte)bytes);
        (frame[3], frame[4]) = ((byte)type, (byte)flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        return frame;
    }

    public static byte[] Settings(params (Setting Id, uint Value)[] settings)
    {
        var payload = new byte[6 * settings.Length];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(6 * i), (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(6 * i + 2), settings[i].Value);
        }
        return Make(FrameType.Settings, 0, 0, payload);
    }

    public static byte[] Headers(int stream, byte[] block, int flags = EndHeaders) => Make(FrameType.Headers, flags, stream, block);

    public static byte[] Data(int stream, byte[] bytes, int flags = 0) => Make(FrameType.Data, flags, stream, bytes);

    public static byte[] Reset(int stream, Http2Error error) => Make(FrameType.ResetStream, 0, stream, BigEndian((uint)error));

    public static byte[] WindowUpdate(int stream, uint increment) => Make(FrameType.WindowUpdate, 0, stream, BigEndian(increment));

    public static byte[] Ping(long mark)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(payload, mark);
        return Make(FrameType.Ping, 0, 0, payload);
    }

    public static byte[] GoAway(int lastStream, Http2Error error) =>
        Make(FrameType.GoAway, 0, 0, [.. BigEndian((uint)lastStream), .. BigEndian((uint)error)]);

    /// <summary>A gRPC message: flag, announced length, payload.</summary>
    public static byte[] Message(byte[] payload, byte flag = 0, uint? announcedBytes = null) =>
        [flag, .. BigEndian(announcedBytes ?? (uint)payload.Length), .. payload];

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}

/// <summary>Header blocks of literals (RFC 7541 §6), without Huffman.</summary>
internal static class Hpack
{
    /// <summary>The head of a call of the echo service.</summary>
    public static byte[] Call(string method, params (string Name, string Value)[] more) => Block(
        [(":method", "POST"), (":scheme", "http"), (":path", "/distsgd.tests.v1.Echo/" + method), (":authority", "test"),
            ("content-type", "application/grpc"), ("te", "trailers"), .. more]);

    public static byte[] Block(params (string Name, string Value)[] headers) => [.. headers.SelectMany(header => Literal(header.Name, header.Value))];

    /// <summary>A literal that the receiver doesn't index, or, with <paramref name="isIndexed"/>, puts first into its table.</summary>
    public static byte[] Literal(string name, string value, bool isIndexed = false) =>
        [(byte)(isIndexed ? 0x40 : 0), .. Text(name), .. Text(value)];

    public static byte[] Indexed(int index) => Integer(0x80, 7, index);

    public static byte[] TableSize(int bytes) => Integer(0x20, 5, bytes);

    private static byte[] Text(string text) => [.. Integer(0, 7, text.Length), .. Encoding.Latin1.GetBytes(text)];

    /// <summary>An integer with a prefix of so many bits (RFC 7541 §5.1).</summary>
    private static byte[] Integer(byte pattern, int prefixBits, int value)
    {
        var most = (1 << prefixBits) - 1;
        if (value < most)
            return [(byte)(pattern | value)];
        var bytes = new List<byte> { (byte)(pattern | most) };
        for (value -= most; value >= 128; value >>= 7)
            bytes.Add((byte)(value & 127 | 128));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
