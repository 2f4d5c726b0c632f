using Grpc.Core;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client;

/// <summary>A channel to one server: its connections, limits and calls. Thread-safe; make one and keep it.</summary>
public sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly CancellationTokenSource _shutdown = new();
    private readonly ICallTransport _transport;
    private readonly ChannelCallInvoker _invoker;
    private readonly ChannelConnections? _connections;

    private GrpcChannel(ChannelAddress address, GrpcChannelOptions options)
        : base(address.Target)
    {
        var security = ChannelSecurity.Of(address, options.Credentials);
        var uri = address.BaseUri(security.IsSecure);
        (_transport, _connections) = ChannelTransport.Create(address, security, options);
        _invoker = new ChannelCallInvoker(new ChannelSettings(_transport, uri, security, _connections, options, _shutdown.Token));
    }

    /// <summary>What the channel's connection is doing: a TCP or Unix connection stands, is being made, failed last, or none is wanted.</summary>
    /// <exception cref="InvalidOperationException">The channel was given an HttpClient or handler that makes its own connections.</exception>
    public ConnectivityState State => Connections.State;

    private ChannelConnections Connections => _connections ?? throw new InvalidOperationException(
        "The state of the connection isn't known: the channel was given an HttpClient, or a handler that isn't a SocketsHttpHandler, makes its own connections, or was used before.");

    /// <summary>
    /// A channel to this address: http://host:port, https://host:port, dns:///host:port (all addresses of the name are tried) or unix:/path.
    /// Connects at the first call.
    /// </summary>
    /// <exception cref="ArgumentException">The address isn't of that form.</exception>
    /// <exception cref="InvalidOperationException">The address doesn't say whether there is TLS.</exception>
    public static GrpcChannel ForAddress(string address) => ForAddress(address, new GrpcChannelOptions());

    /// <summary>A channel to this address with these options.</summary>
    /// <exception cref="ArgumentException">The address isn't of that form, or options contradict each other.</exception>
    /// <exception cref="InvalidOperationException">Address and credentials contradict each other, or neither says whether there is TLS.</exception>
    public static GrpcChannel ForAddress(string address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Create(ChannelAddress.Parse(address), channelOptions);
    }

    /// <summary>A channel to this address with default options.</summary>
    public static GrpcChannel ForAddress(Uri address) => ForAddress(address, new GrpcChannelOptions());

    /// <summary>A channel to this address with these options.</summary>
    /// <exception cref="ArgumentException">The address isn't of that form, or options contradict each other.</exception>
    /// <exception cref="InvalidOperationException">Address and credentials contradict each other, or neither says whether there is TLS.</exception>
    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Create(ChannelAddress.Of(address), channelOptions);
    }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => _invoker;

    /// <summary>Connects, unless a connection stands; tries again and again, with growing pauses, until it succeeds or is cancelled.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled, or the channel was disposed.</exception>
    /// <exception cref="InvalidOperationException">The channel was given an HttpClient or handler that makes its own connections.</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken = default)
    {
        var connections = Connections;
        ObjectDisposedException.ThrowIf(_shutdown.IsCancellationRequested, this);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _shutdown.Token);
        await connections.EnsureReadyAsync(both.Token);
    }

    /// <summary>Done when the state is another than the one last seen.</summary>
    /// <exception cref="InvalidOperationException">The channel was given an HttpClient or handler that makes its own connections.</exception>
    public Task WaitForStateChangedAsync(ConnectivityState lastObservedState, CancellationToken cancellationToken = default) =>
        Connections.WaitForChangeAsync(lastObservedState, cancellationToken);

    /// <summary>Cancels the calls under way and closes the connections.</summary>
    public void Dispose()
    {
        if (_shutdown.IsCancellationRequested)
            return;
        _shutdown.Cancel();
        _connections?.Dispose();
        _transport.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ShutdownAsyncCore()
    {
        Dispose();
        return Task.CompletedTask;
    }

    private static GrpcChannel Create(ChannelAddress address, GrpcChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.HttpHandler is not null && options.HttpClient is not null)
            throw new ArgumentException("HttpHandler and HttpClient are both set; set one of them.", nameof(options));
        return new GrpcChannel(address, options);
    }
}
