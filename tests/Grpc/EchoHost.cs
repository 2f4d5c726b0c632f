using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using DistSgd.Grpc.Tests.V1;
using Grpc.AspNetCore.Server;
using Grpc.HealthCheck;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DistSgd.Grpc.Tests;

/// <summary>A server on a free port of the loopback with a client to it. Disposing checks that no error was logged that the test didn't expect.</summary>
internal sealed class EchoHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CollectingLoggerProvider _log;

    private readonly StrongBox<int> _connections;

    private EchoHost(WebApplication app, CollectingLoggerProvider log, StrongBox<int> connections, GrpcChannelOptions? options)
    {
        _connections = connections;
        _app = app;
        _log = log;
        var url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        Address = url.StartsWith("http://unix:", StringComparison.Ordinal) ? url["http://".Length..] : url;
        Channel = GrpcChannel.ForAddress(Address, options ?? new GrpcChannelOptions());
        Client = new Echo.EchoClient(Channel);
    }

    public string Address { get; }

    public GrpcChannel Channel { get; }

    public Echo.EchoClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public EchoProbe Probe => _app.Services.GetRequiredService<EchoProbe>();

    public HealthServiceImpl Health => _app.Services.GetRequiredService<HealthServiceImpl>();

    public IReadOnlyCollection<string> Errors => _log.Errors;

    /// <summary>Connections taken so far.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections.Value);

    public bool ExpectsErrors { get; init; }

    public static async Task<EchoHost> StartAsync(
        Action<GrpcServiceOptions>? server = null, GrpcChannelOptions? client = null, HttpProtocols protocols = HttpProtocols.Http2,
        bool expectsErrors = false, int port = 0,
        Action<IServiceCollection>? services = null, Action<ListenOptions>? listens = null, string? unixSocket = null, Action<WebApplication>? maps = null)
    {
        var log = new CollectingLoggerProvider();
        var connections = new StrongBox<int>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.ConfigureForGrpc();
            if (unixSocket is not null)
                options.ListenUnixSocket(unixSocket, Listen);
            else
                options.Listen(System.Net.IPAddress.Loopback, port, Listen);
        });
        builder.Services.AddGrpc(server ?? (_ => { }));
        builder.Services.AddSingleton<EchoProbe>().AddSingleton<HealthServiceImpl>();
        services?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapGrpcService<EchoService>();
        app.MapGrpcService<HealthServiceImpl>();
        app.MapGet("/plain", () => "not gRPC");
        maps?.Invoke(app);
        await app.StartAsync();
        return new EchoHost(app, log, connections, client) { ExpectsErrors = expectsErrors };

        void Listen(ListenOptions listen)
        {
            listen.Protocols = protocols;
            listen.Use(next => connection =>
            {
                Interlocked.Increment(ref connections.Value);
                return next(connection);
            });
            listens?.Invoke(listen);
        }
    }

    public Task StopServerAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Probe.Release.TrySetResult();
        Channel.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (!ExpectsErrors)
            Assert.True(Errors.Count == 0, string.Join("\n", Errors));
    }

    private sealed class CollectingLoggerProvider : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _errors = new();

        public IReadOnlyCollection<string> Errors => _errors;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error)
                _errors.Enqueue($"{formatter(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
