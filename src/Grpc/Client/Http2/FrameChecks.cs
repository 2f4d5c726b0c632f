namespace Grpc.Net.Client.Http2;

/// <summary>Where frames may stand and how long they must be (RFC 9113 §6).</summary>
internal static class FrameChecks
{
    private const int SettingBytes = 6;
    private const int PingBytes = 8;
    private const int GoAwayBytesMin = 8;
    private const int NumberBytes = 4;

    public static void Settings(FrameHeader header)
    {
        OnConnection(header);
        Length(header, header.Has(FrameFlags.Ack) ? header.Bytes == 0 : header.Bytes % SettingBytes == 0);
    }

    public static void Ping(FrameHeader header)
    {
        OnConnection(header);
        Length(header, header.Bytes == PingBytes);
    }

    public static void GoAway(FrameHeader header)
    {
        OnConnection(header);
        Length(header, header.Bytes >= GoAwayBytesMin);
    }

    public static void Number(FrameHeader header) => Length(header, header.Bytes == NumberBytes);

    private static void OnConnection(FrameHeader header)
    {
        if (header.StreamId != 0)
            throw new ProtocolViolationException(Http2Error.ProtocolError, $"It sent {header.Kind} on stream {header.StreamId}.");
    }

    private static void Length(FrameHeader header, bool isRight)
    {
        if (!isRight)
            throw new ProtocolViolationException(Http2Error.FrameSizeError, $"It sent a {header.Kind} frame of {header.Bytes} bytes, which it can't have.");
    }
}
