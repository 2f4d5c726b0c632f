namespace Grpc.Net.Client.Http2;

/// <summary>A stream, which is TLS: what is sent is copied, and encrypted a buffer at a time.</summary>
internal sealed class StreamWire(Stream stream) : IWire
{
    private const int BufferBytes = 32 * 1024;

    private readonly SendTurn _turn = new();
    private readonly byte[] _buffer = new byte[BufferBytes];

    // What the last write failed with. Written before the turn ends, read after.
    private Exception? _failure;

    public int TrySend(List<ArraySegment<byte>> segments)
    {
        if (_turn.IsBusy)
            return 0;
        if (_failure is { } failure)
            throw new ConnectionLostException(failure.Message, failure);
        var taken = 0;
        foreach (var segment in segments)
        {
            var part = Math.Min(segment.Count, BufferBytes - taken);
            segment.AsSpan(0, part).CopyTo(_buffer.AsSpan(taken));
            taken += part;
        }
        _turn.Begin();
        _ = WriteAsync(taken);
        return taken;
    }

    public bool WhenSendable(Action sendable) => _turn.Await(sendable);

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) => stream.ReadAsync(buffer);

    public void Dispose() => stream.Dispose();

    private async Task WriteAsync(int bytes)
    {
        try
        {
            await stream.WriteAsync(_buffer.AsMemory(0, bytes));
        }
        catch (Exception e)
        {
            _failure = e;
        }
        _turn.End();
    }
}
