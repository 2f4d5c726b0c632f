using System.Net.Security;
using System.Security.Authentication;

namespace Grpc.Net.Client.Http2;

/// <summary>Connects to a channel's server, with TLS where its credentials say so. Thread-safe.</summary>
internal sealed class WireConnector
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly ChannelConnections _connections;
    private readonly SslClientAuthenticationOptions? _ssl;

    public WireConnector(ChannelConnections connections, ChannelSecurity security, string hostName)
    {
        _connections = connections;
        if (!security.IsSecure)
            return;
        _ssl = new SslClientAuthenticationOptions { TargetHost = hostName, ApplicationProtocols = [SslApplicationProtocol.Http2] };
        security.Configure(_ssl, hostName);
    }

    public async Task<IWire> ConnectAsync(CancellationToken cancellationToken)
    {
        var stream = await _connections.ConnectAsync(cancellationToken);
        if (_ssl is null)
            return new SocketWire(stream);
        var secured = new SslStream(stream);
        try
        {
            await secured.AuthenticateAsClientAsync(_ssl, cancellationToken).WaitAsync(HandshakeTimeout, cancellationToken);
            return secured.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2
                ? new StreamWire(secured)
                : throw new AuthenticationException("the server doesn't offer HTTP/2 (ALPN \"h2\").");
        }
        catch
        {
            await secured.DisposeAsync();
            throw;
        }
    }
}
