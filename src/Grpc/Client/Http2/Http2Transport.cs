using Grpc.Core;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client.Http2;

/// <summary>Calls over HTTP/2 connections of this runtime's own: TCP, Unix sockets and TLS.</summary>
internal sealed class Http2Transport : ICallTransport
{
    private const int SpareCallsMax = 256;

    private readonly ConnectionPool _pool;
    private readonly string _serverName;

    // Its own lock: calls of one message that have ended, to be used again.
    private readonly Stack<Http2Call> _spare = new();

    /// <param name="pool">The connections; disposed with this.</param>
    /// <param name="serverName">What messages to people call the server.</param>
    public Http2Transport(ConnectionPool pool, string serverName)
    {
        _pool = pool;
        _serverName = serverName;
    }

    /// <summary>The transport of a channel.</summary>
    public static Http2Transport Create(ChannelAddress address, ChannelSecurity security, ChannelConnections connections, string serverName)
    {
        var connector = new WireConnector(connections, security, address.HostName);
        var head = new RequestHead(address.BasePath, address.Authority, security.IsSecure);
        return new Http2Transport(
            new ConnectionPool(connector.ConnectAsync, (wire, streamsMax, changed) => new Http2Connection(wire, head, streamsMax, KeepAliveTimes.Default, TimeProvider.System, changed)),
            serverName);
    }

    public ITransportCall Open(in CallHead head)
    {
        Http2Call? call;
        lock (_spare)
            _spare.TryPop(out call);
        call ??= new Http2Call(_pool, Keep);
        call.Begin(head);
        return call;
    }

    public Status Explain(Exception exception) => TransportFailure.Explain(_serverName, exception);

    public void Dispose() => _pool.Dispose();

    private void Keep(Http2Call call)
    {
        lock (_spare)
        {
            if (_spare.Count < SpareCallsMax)
                _spare.Push(call);
        }
    }
}
