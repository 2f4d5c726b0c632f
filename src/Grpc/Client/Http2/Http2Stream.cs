namespace Grpc.Net.Client.Http2;

/// <summary>One stream's two sides. It may be opened again, on any connection, once it isn't in use.</summary>
internal sealed class Http2Stream
{
    public RequestSide Request { get; } = new();

    public ResponseSide Response { get; } = new();

    /// <summary>The connection that it is or was open on.</summary>
    public Http2Connection? Connection { get; private set; }

    public int Id { get; private set; }

    /// <summary>Under the connection's gate.</summary>
    public void Open(Http2Connection connection, int id, int windowBytes)
    {
        (Connection, Id) = (connection, id);
        Request.Open(id, windowBytes);
        Response.Open(connection, id);
    }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, int atLeast)
    {
        var read = Response.ReadAsync(buffer, atLeast, out var credit);
        if (credit > 0)
            Connection!.Credit(Id, credit);
        return read;
    }
}
