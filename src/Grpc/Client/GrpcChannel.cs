using Grpc.Core;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client;

/// <summary>A channel to one server: its connections, limits and calls. Thread-safe; make one and keep it.</summary>
public sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly CancellationTokenSource _shutdown = new();
    private readonly ICallTransport _transport;
    private readonly ChannelCallInvoker _invoker;

    private GrpcChannel(Uri address, GrpcChannelOptions options)
        : base(address.Authority)
    {
        Options = options;
        _transport = new SocketsTransport(address, CreateInvoker(options));
        _invoker = new ChannelCallInvoker(_transport, options, _shutdown.Token);
    }

    internal GrpcChannelOptions Options { get; }

    /// <summary>A channel to this address, http://host:port or https://host:port, with default options. Connects at the first call.</summary>
    /// <exception cref="ArgumentException">The address isn't of that form.</exception>
    public static GrpcChannel ForAddress(string address) => ForAddress(address, new GrpcChannelOptions());

    /// <summary>A channel to this address with these options.</summary>
    /// <exception cref="ArgumentException">The address isn't http://host:port or https://host:port, or options contradict each other.</exception>
    public static GrpcChannel ForAddress(string address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Uri.TryCreate(address, UriKind.Absolute, out var uri)
            ? ForAddress(uri, channelOptions)
            : throw new ArgumentException($"The address '{address}' must be of the form http://host:port or https://host:port.", nameof(address));
    }

    /// <summary>A channel to this address with default options.</summary>
    public static GrpcChannel ForAddress(Uri address) => ForAddress(address, new GrpcChannelOptions());

    /// <summary>A channel to this address with these options.</summary>
    /// <exception cref="ArgumentException">The address isn't http://host:port or https://host:port, or options contradict each other.</exception>
    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(channelOptions);
        if (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps)
            throw new ArgumentException($"The address '{address}' must be of the form http://host:port or https://host:port.", nameof(address));
        if (channelOptions.HttpHandler is not null && channelOptions.HttpClient is not null)
            throw new ArgumentException("HttpHandler and HttpClient are both set; set one of them.", nameof(channelOptions));
        return new GrpcChannel(address, channelOptions);
    }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => _invoker;

    /// <summary>Cancels the calls under way and closes the connections.</summary>
    public void Dispose()
    {
        if (_shutdown.IsCancellationRequested)
            return;
        _shutdown.Cancel();
        _transport.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ShutdownAsyncCore()
    {
        Dispose();
        return Task.CompletedTask;
    }

    private static HttpMessageInvoker CreateInvoker(GrpcChannelOptions options)
    {
        if (options.HttpClient is { } client)
            return new HttpMessageInvoker(new ClientHandler(client, options.DisposeHttpClient), disposeHandler: true);
        return options.HttpHandler is { } handler
            ? new HttpMessageInvoker(handler, options.DisposeHttpClient)
            : new HttpMessageInvoker(GrpcHttpHandler.Create(), disposeHandler: true);
    }

    /// <summary>Sends through a client, whose own SendAsync would buffer whole responses.</summary>
    private sealed class ClientHandler(HttpClient client, bool disposeClient) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing && disposeClient)
                client.Dispose();
            base.Dispose(disposing);
        }
    }
}
