using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Net.Compression;
using Grpc.Wire;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>Cuts the request body into messages, deserialized where they lie in the transport's buffers. One read at a time.</summary>
internal sealed class RequestReader(PipeReader body, int? limitBytes, MessageShare? share)
{
    private readonly PayloadReader _payload = new();

    /// <summary>What decompresses messages that are marked as compressed; null where the call's head named no encoding.</summary>
    public ICompressionProvider? Encoding { get; set; }

    /// <summary>The next message; null at the end of the request.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
        where T : class
    {
        share?.AwaitsRequest();
        try
        {
            while (true)
            {
                var result = await body.ReadAsync(cancellationToken);
                if (TryTake(marshaller, result.Buffer, out var message, out var expectedBytes))
                    return message;
                if (!result.IsCompleted)
                    continue;
                return result.Buffer.IsEmpty ? null : throw MessageFraming.Truncated(result.Buffer.Length, expectedBytes);
            }
        }
        catch (IOException e)
        {
            throw ClientLeft(e);
        }
    }

    /// <summary>Waits for the request's end; false where there is more data.</summary>
    public async ValueTask<bool> IsAtEndAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var reading = body.ReadAsync(cancellationToken);
                if (!reading.IsCompleted)
                    share?.AwaitsEnd();
                var result = await reading;
                body.AdvanceTo(result.Buffer.Start);
                if (result.Buffer.IsEmpty && !result.IsCompleted)
                    continue;
                share?.HasEnd();
                return result.Buffer.IsEmpty;
            }
        }
        catch (IOException e)
        {
            throw ClientLeft(e);
        }
    }

    private static RpcException ClientLeft(IOException e) =>
        new(new Status(StatusCode.Cancelled, $"The client ended the call before its request: {e.Message}", e));

    private bool TryTake<T>(Marshaller<T> marshaller, in ReadOnlySequence<byte> buffer, out T? message, out long expectedBytes)
        where T : class
    {
        message = null;
        expectedBytes = MessageFraming.HeaderBytes;
        var consumed = buffer.Start;
        var examined = buffer.End;
        try
        {
            if (buffer.Length < expectedBytes)
            {
                if (!buffer.IsEmpty)
                    share?.HoldRequest(expectedBytes, buffer.Length);
                return false;
            }
            var payloadBytes = MessageFraming.ReadHeader(buffer, limitBytes, Encoding is not null, out var isCompressed);
            expectedBytes += payloadBytes;
            share?.HoldRequest(expectedBytes, buffer.Length);
            if (buffer.Length < expectedBytes)
                return false;
            message = Deserialize(marshaller, buffer.Slice(MessageFraming.HeaderBytes, payloadBytes), isCompressed);
            consumed = examined = buffer.GetPosition(expectedBytes);
            return true;
        }
        finally
        {
            body.AdvanceTo(consumed, examined);
        }
    }

    private T Deserialize<T>(Marshaller<T> marshaller, in ReadOnlySequence<byte> payload, bool isCompressed)
    {
        try
        {
            return (isCompressed ? _payload.Deserialize(marshaller, payload, Encoding!, limitBytes, share) : _payload.Deserialize(marshaller, payload))
                ?? throw new InvalidDataException("the deserializer returned null");
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"The request can't be deserialized: {e.Message}", e));
        }
    }
}
