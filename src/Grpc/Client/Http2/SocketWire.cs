using System.Net.Sockets;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// A plain socket, TCP or Unix. Sends straight from the callers' arrays without waiting, in one system call for all segments; where the socket's
/// buffer is full, the next few bytes are copied and sent asynchronously, and their end tells when there is room again.
/// </summary>
internal sealed class SocketWire : IWire
{
    private const int StalledBytesMax = 4096;

    private readonly NetworkStream _stream;
    private readonly Socket _socket;
    private readonly SendTurn _turn = new();
    private readonly SocketAsyncEventArgs _stalled = new();
    private readonly byte[] _stalledBytes = new byte[StalledBytesMax];

    // What the asynchronous send failed with. Written before the turn ends, read after.
    private SocketError _failure;

    /// <param name="stream">The connected socket's stream; disposed with this.</param>
    public SocketWire(NetworkStream stream)
    {
        _stream = stream;
        _socket = stream.Socket;
        _socket.Blocking = false;
        _stalled.Completed += (_, _) => EndStalled();
    }

    public int TrySend(List<ArraySegment<byte>> segments)
    {
        if (_turn.IsBusy)
            return 0;
        ThrowOn(_failure);
        var sent = _socket.Send(segments, SocketFlags.None, out var error);
        if (sent > 0)
            return sent;
        if (error is not (SocketError.WouldBlock or SocketError.Success))
            ThrowOn(error);
        return SendLater(segments);
    }

    public bool WhenSendable(Action sendable) => _turn.Await(sendable);

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) => _socket.ReceiveAsync(buffer, SocketFlags.None);

    public void Dispose()
    {
        _stream.Dispose();
        if (!_turn.IsBusy)
            _stalled.Dispose();
    }

    private int SendLater(List<ArraySegment<byte>> segments)
    {
        var taken = 0;
        foreach (var segment in segments)
        {
            var part = Math.Min(segment.Count, StalledBytesMax - taken);
            segment.AsSpan(0, part).CopyTo(_stalledBytes.AsSpan(taken));
            taken += part;
        }
        _stalled.SetBuffer(_stalledBytes, 0, taken);
        _turn.Begin();
        if (!_socket.SendAsync(_stalled))
            EndStalled();
        return taken;
    }

    private void EndStalled()
    {
        _failure = _stalled.SocketError;
        if (_failure == SocketError.Success && _stalled.BytesTransferred < _stalled.Count)
            _failure = SocketError.ConnectionReset;
        _turn.End();
    }

    private static void ThrowOn(SocketError error)
    {
        if (error != SocketError.Success)
            throw new SocketException((int)error);
    }
}
