using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace Grpc.Wire;

/// <summary>The five bytes before each message: a compressed flag and the payload's length, big-endian (gRPC over HTTP/2, "Length-Prefixed-Message").</summary>
internal static class MessageFraming
{
    public const int HeaderBytes = 5;
    public const byte CompressedFlag = 1;

    public static void WriteHeader(Span<byte> destination, int payloadBytes)
    {
        destination[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)payloadBytes);
    }

    /// <summary>The payload's length in bytes, checked against the flag's meaning and the receiver's limit.</summary>
    /// <param name="header">The five bytes.</param>
    /// <param name="limitBytes">The largest length allowed, compressed or not.</param>
    /// <param name="hasEncoding">Whether the call's head named an encoding, so that messages may be compressed.</param>
    /// <param name="isCompressed">Whether this one is.</param>
    public static int ReadHeader(ReadOnlySpan<byte> header, int? limitBytes, bool hasEncoding, out bool isCompressed)
    {
        isCompressed = header[0] == CompressedFlag;
        if (header[0] > CompressedFlag)
            throw Failure(StatusCode.Internal, $"The message's compressed flag is {header[0]}; it must be 0 or 1.");
        if (isCompressed && !hasEncoding)
            throw Failure(StatusCode.Internal, "The message is marked as compressed, but no grpc-encoding was announced.");
        var payloadBytes = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (payloadBytes > (uint)(limitBytes ?? Array.MaxLength))
        {
            throw Failure(
                StatusCode.ResourceExhausted,
                $"Received message exceeds the maximum configured message size: it has {payloadBytes} bytes, the limit is {limitBytes ?? Array.MaxLength} bytes (MaxReceiveMessageSize).");
        }
        return (int)payloadBytes;
    }

    public static int ReadHeader(in ReadOnlySequence<byte> buffer, int? limitBytes, bool hasEncoding, out bool isCompressed)
    {
        if (buffer.FirstSpan.Length >= HeaderBytes)
            return ReadHeader(buffer.FirstSpan[..HeaderBytes], limitBytes, hasEncoding, out isCompressed);
        Span<byte> header = stackalloc byte[HeaderBytes];
        buffer.Slice(0, HeaderBytes).CopyTo(header);
        return ReadHeader(header, limitBytes, hasEncoding, out isCompressed);
    }

    public static void CheckSendLimit(int payloadBytes, int? limitBytes)
    {
        if (payloadBytes > limitBytes)
        {
            throw Failure(
                StatusCode.ResourceExhausted,
                $"Sending message exceeds the maximum configured message size: it has {payloadBytes} bytes, the limit is {limitBytes} bytes (MaxSendMessageSize).");
        }
    }

    public static RpcException Truncated(long receivedBytes, long expectedBytes) => Failure(
        StatusCode.Internal,
        $"Incomplete message: the stream ended after {receivedBytes} of {expectedBytes} bytes.");

    public static RpcException Failure(StatusCode code, string detail) => new(new Status(code, detail));
}
