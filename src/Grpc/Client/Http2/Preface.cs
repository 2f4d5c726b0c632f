using System.Buffers.Binary;

namespace Grpc.Net.Client.Http2;

/// <summary>What a client says first and last on a connection (RFC 9113 §3.4, §6.8).</summary>
internal static class Preface
{
    private const int SettingBytes = 6;
    private const int GoodbyeBytes = 8;

    private static readonly (ushort Id, int Value)[] Settings =
    [
        (2, 0), // ENABLE_PUSH
        (4, Http2Limits.StreamWindowBytes),
        (5, Http2Limits.ReceivedFrameBytesMax),
        (6, Http2Limits.HeaderListBytesMax),
    ];

    public static void Write(OutgoingBuffer destination)
    {
        destination.Add("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        destination.Add(new FrameHeader(Settings.Length * SettingBytes, FrameKind.Settings, FrameFlags.None, 0));
        foreach (var (id, value) in Settings)
        {
            var setting = destination.Take(SettingBytes);
            BinaryPrimitives.WriteUInt16BigEndian(setting, id);
            BinaryPrimitives.WriteInt32BigEndian(setting[2..], value);
        }
        destination.AddFrame(FrameKind.WindowUpdate, 0, Http2Limits.ConnectionWindowBytes - Http2Limits.DefaultWindowBytes);
    }

    /// <summary>GOAWAY: no stream of the server's was ever taken.</summary>
    public static void WriteGoodbye(OutgoingBuffer destination, Http2Error error)
    {
        destination.Add(new FrameHeader(GoodbyeBytes, FrameKind.GoAway, FrameFlags.None, 0));
        BinaryPrimitives.WriteUInt64BigEndian(destination.Take(GoodbyeBytes), (uint)error);
    }
}
