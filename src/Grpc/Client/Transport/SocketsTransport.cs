using System.Collections.Concurrent;
using Grpc.Core;

namespace Grpc.Net.Client.Transport;

/// <summary>Calls over HttpMessageHandler, in the end SocketsHttpHandler: HTTP/2 only, with prior knowledge where the address is http.</summary>
internal sealed class SocketsTransport : ICallTransport
{
    private const int CachedPathsMax = 1024;

    private readonly ConcurrentDictionary<string, Uri> _paths = new(StringComparer.Ordinal);
    private readonly HttpMessageInvoker _invoker;
    private readonly Uri _address;
    private readonly string _serverName;

    /// <param name="address">The URI that requests are made under.</param>
    /// <param name="serverName">What messages to people call the server.</param>
    /// <param name="invoker">Sends; disposed with this.</param>
    public SocketsTransport(Uri address, string serverName, HttpMessageInvoker invoker)
    {
        _address = address;
        _serverName = serverName;
        _invoker = invoker;
    }

    public ITransportCall Open(in CallHead head) => new SocketsTransportCall(_invoker, UriOf(head.Path), head);

    public Status Explain(Exception exception) => TransportFailure.Explain(_serverName, exception);

    public void Dispose() => _invoker.Dispose();

    private Uri UriOf(string path)
    {
        if (_paths.TryGetValue(path, out var uri))
            return uri;
        uri = new Uri(_address, _address.AbsolutePath.TrimEnd('/') + path);
        if (_paths.Count < CachedPathsMax)
            _paths.TryAdd(path, uri);
        return uri;
    }
}
