namespace Grpc.Net.Client.Http2;

/// <summary>
/// The byte stream under a connection. One thread sends and one receives at a time. What has been taken for sending is copied or gone:
/// no memory of the caller is held between two calls.
/// </summary>
internal interface IWire : IDisposable
{
    /// <summary>Sends as much as it can now, from all segments together; 0 where what was taken before hasn't left yet.</summary>
    int TrySend(List<ArraySegment<byte>> segments);

    /// <summary>After a send that took nothing: true where <paramref name="sendable"/> will be called once, when sending is worth trying again; false where it is already.</summary>
    bool WhenSendable(Action sendable);

    /// <summary>At least one byte, or 0 at the end.</summary>
    ValueTask<int> ReceiveAsync(Memory<byte> buffer);
}
