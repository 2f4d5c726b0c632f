using System.Runtime.CompilerServices;
using Grpc.Net.Client.Transport;
using Grpc.Net.Compression;
using Grpc.Wire;

namespace Grpc.Net.Client;

/// <summary>
/// Cuts a response into messages. Small messages share one pooled buffer; a larger one is read into a pooled array of its own,
/// of which everything but the first few kilobytes comes straight from the transport. One read at a time.
/// </summary>
internal sealed class ResponseReader(ITransportCall call, int? limitBytes)
{
    private const int ChunkBytes = 4096;

    private byte[] _chunk = [];
    private byte[] _message = [];
    private int _start;
    private int _end;

    /// <summary>What decompresses messages that are marked as compressed; null where the response's head named no encoding.</summary>
    public ICompressionProvider? Encoding { get; set; }

    /// <summary>Whether the last message is compressed.</summary>
    public bool IsCompressed { get; private set; }

    /// <summary>The payload of the last message; valid until the next read or release.</summary>
    public ReadOnlyMemory<byte> Payload { get; private set; }

    /// <summary>Reads the next message; false at the end of the response.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadAsync()
    {
        ReturnMessage();
        if (!await FillAsync(MessageFraming.HeaderBytes))
            return _end == _start ? false : throw MessageFraming.Truncated(_end - _start, MessageFraming.HeaderBytes);
        var payloadBytes = MessageFraming.ReadHeader(_chunk.AsSpan(_start, MessageFraming.HeaderBytes), limitBytes, Encoding is not null, out var isCompressed);
        IsCompressed = isCompressed;
        _start += MessageFraming.HeaderBytes;
        if (payloadBytes <= ChunkBytes)
            await ReadSmallAsync(payloadBytes);
        else
            await ReadLargeAsync(payloadBytes);
        return true;
    }

    /// <summary>Gives the buffers back. The payload is no longer valid.</summary>
    public void Release()
    {
        ReturnMessage();
        if (_chunk.Length > 0)
            MessagePool.Return(_chunk);
        _chunk = [];
        _start = _end = 0;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReadSmallAsync(int payloadBytes)
    {
        if (!await FillAsync(payloadBytes))
            throw MessageFraming.Truncated(_end - _start, payloadBytes);
        Payload = _chunk.AsMemory(_start, payloadBytes);
        _start += payloadBytes;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReadLargeAsync(int payloadBytes)
    {
        _message = MessagePool.Rent(payloadBytes);
        var received = Math.Min(_end - _start, payloadBytes);
        _chunk.AsSpan(_start, received).CopyTo(_message);
        _start += received;
        var left = payloadBytes - received;
        if (left > 0)
            received += await call.ReadAsync(_message.AsMemory(received, left), left);
        if (received < payloadBytes)
            throw MessageFraming.Truncated(received, payloadBytes);
        Payload = _message.AsMemory(0, payloadBytes);
    }

    /// <summary>Makes at least this many unread bytes lie in the chunk; false where the response ends before.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FillAsync(int bytes)
    {
        if (_chunk.Length == 0)
            _chunk = MessagePool.Rent(ChunkBytes);
        if (_chunk.Length - _start < bytes)
        {
            _chunk.AsSpan(_start, _end - _start).CopyTo(_chunk);
            _end -= _start;
            _start = 0;
        }
        var missing = bytes - (_end - _start);
        if (missing > 0)
            _end += await call.ReadAsync(_chunk.AsMemory(_end), missing);
        return _end - _start >= bytes;
    }

    private void ReturnMessage()
    {
        Payload = default;
        if (_message.Length > 0)
            MessagePool.Return(_message);
        _message = [];
    }
}
