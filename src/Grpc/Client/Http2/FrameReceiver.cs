using System.Runtime.CompilerServices;
using Grpc.Wire;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// The receiving half of a connection: one loop cuts what arrives into frames and hands them on. DATA goes to its stream as it arrives, whatever
/// the frame's length; every other frame must fit the buffer.
/// </summary>
internal sealed class FrameReceiver(IWire wire, Http2Connection connection)
{
    private const int BufferBytes = Http2Limits.HeaderBlockBytesMax + 4096;

    private readonly HeaderReceiver _headers = new(connection);
    private byte[] _buffer = [];
    private int _start;
    private int _end;

    private int Available => _end - _start;

    /// <summary>Receives until the connection ends; tells it why. Never throws.</summary>
    public async Task RunAsync()
    {
        _buffer = MessagePool.Rent(BufferBytes);
        try
        {
            await ReceiveAsync();
        }
        catch (Exception e)
        {
            connection.Abort(e);
        }
        MessagePool.Return(_buffer);
    }

    private async Task ReceiveAsync()
    {
        for (var isFirst = true; ; isFirst = false)
        {
            await FillAsync(FrameHeader.Size);
            var header = FrameHeader.Read(_buffer.AsSpan(_start));
            Check(header, isFirst);
            _start += FrameHeader.Size;
            if (header.Kind == FrameKind.Data)
                await ReceiveDataAsync(header);
            else if (header.Bytes > Http2Limits.HeaderBlockBytesMax)
                await SkipAsync(header);
            else
                await ReceiveOtherAsync(header);
        }
    }

    private void Check(FrameHeader header, bool isFirst)
    {
        if (isFirst && (header.Kind != FrameKind.Settings || header.Has(FrameFlags.Ack)))
        {
            throw new ProtocolViolationException(
                Http2Error.ProtocolError,
                _buffer.AsSpan(_start).StartsWith("HTTP/"u8) ? "It answered with HTTP/1." : "The first that it sent is no SETTINGS frame.");
        }
        if (header.Bytes > Http2Limits.ReceivedFrameBytesMax)
            throw new ProtocolViolationException(Http2Error.FrameSizeError, $"It sent a frame of {header.Bytes} bytes; the largest allowed has {Http2Limits.ReceivedFrameBytesMax}.");
        _headers.Check(header);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReceiveOtherAsync(FrameHeader header)
    {
        await FillAsync(header.Bytes);
        var payload = _buffer.AsSpan(_start, header.Bytes);
        if (header.Kind is FrameKind.Headers or FrameKind.Continuation)
            _headers.Receive(header, payload);
        else
            ControlFrames.Receive(connection, header, payload);
        _start += header.Bytes;
    }

    /// <summary>A frame of a kind that isn't known is ignored (RFC 9113 §4.1); known ones aren't that long.</summary>
    private async ValueTask SkipAsync(FrameHeader header)
    {
        if (header.Kind <= FrameKind.Continuation)
            throw new ProtocolViolationException(Http2Error.EnhanceYourCalm, $"It sent a {header.Kind} frame of {header.Bytes} bytes; at most {Http2Limits.HeaderBlockBytesMax} are taken.");
        for (var left = header.Bytes; left > 0;)
        {
            await FillAsync(1);
            var bytes = Math.Min(left, Available);
            _start += bytes;
            left -= bytes;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReceiveDataAsync(FrameHeader header)
    {
        var padding = 0;
        var left = header.Bytes;
        if (header.Has(FrameFlags.Padded))
        {
            await FillAsync(1);
            padding = _buffer[_start++];
            left -= 1 + padding;
            if (left < 0)
                throw new ProtocolViolationException(Http2Error.ProtocolError, "It sent a DATA frame with more padding than bytes.");
        }
        var stream = connection.BeginData(header);
        while (left > 0)
        {
            await FillAsync(1);
            var bytes = Math.Min(left, Available);
            if (stream is not null)
                connection.AddData(stream, header.StreamId, _buffer.AsSpan(_start, bytes));
            _start += bytes;
            left -= bytes;
        }
        for (left = padding; left > 0;)
        {
            await FillAsync(1);
            var bytes = Math.Min(left, Available);
            _start += bytes;
            left -= bytes;
        }
        if (stream is not null && header.Has(FrameFlags.Padded))
            connection.SkipData(stream, header.StreamId, 1 + padding);
        connection.EndData(stream, header);
    }

    /// <summary>Makes at least so many bytes lie in the buffer.</summary>
    /// <exception cref="ConnectionLostException">The connection ended before.</exception>
    private ValueTask FillAsync(int bytes) => Available >= bytes ? default : ReceiveMoreAsync(bytes);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReceiveMoreAsync(int bytes)
    {
        if (_start == _end)
            _start = _end = 0;
        if (_buffer.Length - _start < bytes)
        {
            _buffer.AsSpan(_start, Available).CopyTo(_buffer);
            (_start, _end) = (0, Available);
        }
        while (Available < bytes)
        {
            // What the frames so far asked to be sent leaves now, not for each frame.
            connection.Flush();
            var received = await wire.ReceiveAsync(_buffer.AsMemory(_end));
            if (received == 0)
                throw new ConnectionLostException(Available == 0 ? "The server closed the connection." : "The server closed the connection within a frame.");
            connection.Hear();
            _end += received;
        }
    }
}
