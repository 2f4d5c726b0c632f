using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Grpc.Wire;

/// <summary>Compresses the messages of a call. Thread-safe.</summary>
internal sealed class MessageCompressor(ICompressionProvider provider, CompressionLevel? level)
{
    public string EncodingName => provider.EncodingName;

    /// <summary>The message compressed, in an array of its own; the given one stays the caller's.</summary>
    public FramedMessage Compress(FramedMessage plain)
    {
        var compressed = new PayloadWriter(limitBytes: null);
        compressed.Begin();
        try
        {
            using (var destination = new BufferWriterStream(compressed))
            using (var stream = provider.CreateCompressionStream(destination, level))
                stream.Write(plain.Memory.Span[MessageFraming.HeaderBytes..]);
            compressed.Complete();
            var message = compressed.Take();
            message.Buffer[0] = MessageFraming.CompressedFlag;
            return message;
        }
        finally
        {
            compressed.Release();
        }
    }
}

/// <summary>Told what a message takes while it is decompressed; may refuse by an exception.</summary>
internal interface IGrowth
{
    void Grow(long bytes);
}

/// <summary>Decompresses messages within the receiver's limit.</summary>
internal static class MessageDecompressor
{
    private const int FirstBytes = 4096;

    /// <summary>The payload decompressed, in a pooled array that the caller returns. Never more than the limit and one byte are produced.</summary>
    /// <exception cref="RpcException">ResourceExhausted: it exceeds the limit. Internal: it isn't in this encoding.</exception>
    public static ArraySegment<byte> Decompress(ICompressionProvider provider, in ReadOnlySequence<byte> payload, int? limitBytes, IGrowth? growth = null)
    {
        var limit = Math.Min(limitBytes ?? Array.MaxLength, Array.MaxLength - 1);
        var buffer = MessagePool.Rent(Math.Min(limit + 1, FirstBytes));
        try
        {
            using var source = PipeReader.Create(payload).AsStream();
            using var stream = provider.CreateDecompressionStream(source);
            var bytes = 0;
            while (true)
            {
                var read = stream.Read(buffer, bytes, Math.Min(buffer.Length, limit + 1) - bytes);
                if (read == 0)
                {
                    CheckWhole(provider, payload, bytes);
                    return new ArraySegment<byte>(buffer, 0, bytes);
                }
                bytes += read;
                if (bytes > limit)
                    throw TooLarge(limit);
                if (bytes < buffer.Length)
                    continue;
                growth?.Grow(payload.Length + Math.Min(2L * bytes, limit + 1L));
                buffer = Grow(buffer, limit);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            MessagePool.Return(buffer);
            throw new RpcException(new Status(StatusCode.Internal, $"The message isn't valid {provider.EncodingName}: {e.Message}", e));
        }
        catch
        {
            MessagePool.Return(buffer);
            throw;
        }
    }

    /// <summary>The platform's gzip takes a cut input for its end; the length in gzip's last four bytes tells (RFC 1952 §2.3.1).</summary>
    private static void CheckWhole(ICompressionProvider provider, in ReadOnlySequence<byte> payload, int bytes)
    {
        if (provider is not GzipCompressionProvider || payload.IsEmpty)
            return;
        Span<byte> last = stackalloc byte[sizeof(int)];
        if (payload.Length < last.Length)
            throw new InvalidDataException("it is cut short.");
        payload.Slice(payload.Length - last.Length).CopyTo(last);
        if (BinaryPrimitives.ReadInt32LittleEndian(last) != bytes)
            throw new InvalidDataException("it is cut short.");
    }

    private static byte[] Grow(byte[] full, int limit)
    {
        var larger = MessagePool.Rent((int)Math.Min(2L * full.Length, limit + 1L));
        full.CopyTo(larger, 0);
        MessagePool.Return(full);
        return larger;
    }

    private static RpcException TooLarge(int limit) => MessageFraming.Failure(
        StatusCode.ResourceExhausted,
        $"Received message exceeds the maximum configured message size: decompressed it has more than the limit of {limit} bytes (MaxReceiveMessageSize).");
}
