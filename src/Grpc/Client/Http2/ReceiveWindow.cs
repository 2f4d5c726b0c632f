namespace Grpc.Net.Client.Http2;

/// <summary>What the server may still send on all streams of a connection together (RFC 9113 §6.9). The receiver's only.</summary>
internal sealed class ReceiveWindow
{
    private int _leftBytes = Http2Limits.ConnectionWindowBytes;
    private int _arrivedBytes;

    /// <summary>A DATA frame begins.</summary>
    /// <exception cref="ProtocolViolationException">The window doesn't allow it.</exception>
    public void Take(int bytes)
    {
        _leftBytes -= bytes;
        if (_leftBytes < 0)
            throw new ProtocolViolationException(Http2Error.FlowControlError, $"It sent more than the {Http2Limits.ConnectionWindowBytes} bytes that the connection's window allows.");
    }

    /// <summary>A DATA frame has been read to its end. What the server is to be told that it can send more; 0 while that is little.</summary>
    public int Arrived(int bytes)
    {
        _arrivedBytes += bytes;
        if (_arrivedBytes < Http2Limits.ConnectionWindowBytes / 4)
            return 0;
        var credit = _arrivedBytes;
        _leftBytes += credit;
        _arrivedBytes = 0;
        return credit;
    }
}
