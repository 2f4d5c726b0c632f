using System.Buffers;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>What takes a server's frames on a client, in their order, on the thread that reads the stream.</summary>
internal interface IServerFrames
{
    /// <summary>The answer to the hello.</summary>
    void Welcome(uint version, in StreamCredit granted);

    /// <summary>The answer to an exchange; the values' bytes are valid only during this call.</summary>
    void Answer(ulong id, long version, bool duplicate, ReadOnlySpan<byte> values);

    /// <summary>An exchange was refused, or, with the id 0, something else was.</summary>
    void Refusal(ulong id, StatusCode code, string message);
}

/// <summary>Reads ServerFrames of <c>parameters.proto</c> where they lie in the transport's buffers.</summary>
internal static class ServerFrames
{
    /// <summary>Hands each frame of a message to a receiver.</summary>
    /// <exception cref="InvalidDataException">The message is malformed.</exception>
    public static void Read(ReadOnlySequence<byte> payload, IServerFrames receiver)
    {
        if (payload.IsSingleSegment)
        {
            Read(payload.FirstSpan, receiver);
            return;
        }
        byte[] whole = ArrayPool<byte>.Shared.Rent((int)payload.Length);
        payload.CopyTo(whole);
        try
        {
            Read(whole.AsSpan(0, (int)payload.Length), receiver);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private static void Read(ReadOnlySpan<byte> message, IServerFrames receiver)
    {
        var reader = new WireReader(message);
        while (reader.TryField(message.Length, out int number, out int wireType))
        {
            if ((number, wireType) == (1, 2))
                ReadFrame(ref reader, reader.End(), message, receiver);
            else
                reader.Skip(wireType);
        }
    }

    private static void ReadFrame(ref WireReader reader, int end, ReadOnlySpan<byte> message, IServerFrames receiver)
    {
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 2):
                    ReadWelcome(ref reader, reader.End(), receiver);
                    break;
                case (2, 2):
                    ReadAnswer(ref reader, reader.End(), message, receiver);
                    break;
                case (3, 2):
                    ReadRefusal(ref reader, reader.End(), receiver);
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
    }

    private static void ReadWelcome(ref WireReader reader, int end, IServerFrames receiver)
    {
        (uint version, StreamCredit granted) = (0, default);
        while (reader.TryField(end, out int number, out int wireType))
        {
            if ((number, wireType) == (1, 0))
                version = (uint)Math.Min(reader.Varint(), uint.MaxValue);
            else if ((number, wireType) == (2, 2))
                granted = StreamCredit.Read(ref reader, reader.End());
            else
                reader.Skip(wireType);
        }
        receiver.Welcome(version, granted);
    }

    private static void ReadAnswer(ref WireReader reader, int end, ReadOnlySpan<byte> message, IServerFrames receiver)
    {
        (ulong id, ulong version, bool duplicate, WirePart values) = (0, 0, false, default);
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 0):
                    id = reader.Varint();
                    break;
                case (2, 1):
                    version = reader.Fixed64();
                    break;
                case (3, 0):
                    duplicate = reader.Varint() != 0;
                    break;
                case (4, 2):
                    values = reader.Bytes();
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        receiver.Answer(id, (long)version, duplicate, message.Slice(values.Start, values.Length));
    }

    private static void ReadRefusal(ref WireReader reader, int end, IServerFrames receiver)
    {
        (ulong id, ulong code, string text) = (0, 0, "");
        while (reader.TryField(end, out int number, out int wireType))
        {
            switch (number, wireType)
            {
                case (1, 0):
                    id = reader.Varint();
                    break;
                case (2, 0):
                    code = reader.Varint();
                    break;
                case (3, 2):
                    text = reader.Text();
                    break;
                default:
                    reader.Skip(wireType);
                    break;
            }
        }
        receiver.Refusal(id, code is > 0 and <= (ulong)StatusCode.Unauthenticated ? (StatusCode)code : StatusCode.Unknown, text);
    }
}
