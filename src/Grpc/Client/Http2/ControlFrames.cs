using System.Buffers.Binary;

namespace Grpc.Net.Client.Http2;

/// <summary>Reads the frames that steer a connection: all but DATA, HEADERS and CONTINUATION.</summary>
internal static class ControlFrames
{
    /// <summary>Hands on what a frame says.</summary>
    /// <exception cref="ProtocolViolationException">It says what it may not.</exception>
    public static void Receive(Http2Connection connection, FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Kind)
        {
            case FrameKind.Settings:
                FrameChecks.Settings(header);
                if (!header.Has(FrameFlags.Ack))
                    connection.ApplySettings(payload);
                break;
            case FrameKind.Ping:
                FrameChecks.Ping(header);
                if (!header.Has(FrameFlags.Ack))
                    connection.Answer(FrameKind.Ping, payload);
                break;
            case FrameKind.GoAway:
                FrameChecks.GoAway(header);
                connection.GoAway(Number(payload), Error(payload[sizeof(int)..]));
                break;
            case FrameKind.WindowUpdate:
                FrameChecks.Number(header);
                connection.Widen(header.StreamId, Number(payload));
                break;
            case FrameKind.ResetStream:
                FrameChecks.Number(header);
                connection.Reset(header.StreamId, Error(payload));
                break;
            case FrameKind.PushPromise:
                throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent PUSH_PROMISE, which this client forbade.");
            default:
                break; // Priorities, and kinds that aren't known, are ignored.
        }
    }

    private static int Number(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;

    private static Http2Error Error(ReadOnlySpan<byte> payload) => (Http2Error)BinaryPrimitives.ReadUInt32BigEndian(payload);
}
