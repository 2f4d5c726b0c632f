using System.Net;
using System.Net.Sockets;
using DistSgd.ParamServer.Coordination;
using DistSgd.ParamServer.Metrics;
using DistSgd.ParamServer.Services;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Wire;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DistSgd.ParamServer.Hosting;

/// <summary>One parameter server: Kestrel over HTTP/2 with the services of <c>distsgd.v1</c> and <c>grpc.health.v1</c>.</summary>
public sealed class ServerHost : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly Housekeeping _housekeeping;

    private ServerHost(WebApplication application)
    {
        _application = application;
        _housekeeping = ActivatorUtilities.CreateInstance<Housekeeping>(application.Services);
        string[] urls = [.. application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
        Address = new Uri(urls[0]).Authority;
        MetricsAddress = urls.Length > 1 ? new Uri(urls[1]).Authority : null;
    }

    /// <summary>host:port that it listens on.</summary>
    public string Address { get; }

    /// <summary>host:port where /metrics is, over HTTP/1.1; null: nowhere.</summary>
    public string? MetricsAddress { get; }

    /// <summary>Starts a server; returns when it listens.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="ServerStartException">The address is malformed, unknown, taken or not allowed; the message says which.</exception>
    public static async Task<ServerHost> StartAsync(ServerOptions options, CancellationToken cancellationToken)
    {
        IPEndPoint endpoint = await ResolveAsync(options.Listen, cancellationToken);
        WebApplication application = Build(options, endpoint);
        try
        {
            await application.StartAsync(cancellationToken);
            AnnounceHealth(application, options);
            return new ServerHost(application);
        }
        catch (Exception refused) when (refused is IOException or SocketException)
        {
            await application.DisposeAsync();
            throw new ServerStartException($"Cannot listen on {options.Listen}{(options.MetricsPort > 0 ? $" and on port {options.MetricsPort} for metrics" : "")}: {(refused.InnerException ?? refused).Message}. Choose another address with --listen host:port.", refused);
        }
    }

    /// <summary>Waits until the server is told to stop and has drained.</summary>
    /// <param name="cancellationToken">Tells it to stop.</param>
    public Task WaitAsync(CancellationToken cancellationToken) => _application.WaitForShutdownAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _housekeeping.DisposeAsync();
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private static WebApplication Build(ServerOptions options, IPEndPoint endpoint)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureForGrpc();
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                kestrel.ApplicationServices.GetRequiredService<WireMetrics>().Watch(listen);
            });
            if (options.MetricsPort is { } port)
                kestrel.Listen(endpoint.Address, port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainDeadline);
        builder.Services.AddDataPlane(options.Limits, () => new ShardRegistry(options.Limits.MemoryBytesMax), isCounted: options.MetricsPort is not null);
        builder.Services.AddSingleton<AwakeClock>();
        builder.Services.AddSingleton(_ => new ServerLog(options.Log, TimeProvider.System));
        builder.Services.AddSingleton<CoordinationService>();
        builder.Services.AddSingleton<ShardsService>();
        builder.Services.AddGrpcReflection();
        builder.Services.AddSingleton<HealthServiceImpl>();
        WebApplication application = builder.Build();
        application.Use(application.Services.GetRequiredService<WireMetrics>().CountCallAsync);
        application.MapDataPlane();
        application.MapGrpcService<CoordinationService>();
        application.MapGrpcService<ShardsService>();
        application.MapGrpcService<HealthServiceImpl>();
        application.MapGrpcReflectionService();
        if (options.MetricsPort is not null)
            application.MapGet("/metrics", application.Services.GetRequiredService<WireMetrics>().ShowAsync);
        return application;
    }

    // A server that drains says so before it stops answering, so that whoever asks sends its next call elsewhere.
    private static void AnnounceHealth(WebApplication application, ServerOptions options)
    {
        HealthServiceImpl health = application.Services.GetRequiredService<HealthServiceImpl>();
        ServerLog log = application.Services.GetRequiredService<ServerLog>();
        SetAll(ServingStatus.Serving);
        application.Lifetime.ApplicationStopping.Register(() =>
        {
            SetAll(ServingStatus.NotServing);
            log.Tell($"stopping; calls under way may end within {options.DrainDeadline.TotalSeconds:0} s");
        });

        void SetAll(ServingStatus status)
        {
            foreach (string service in (ReadOnlySpan<string>)["", ParametersContract.ServiceName, "distsgd.v1.Coordination", "distsgd.v1.Shards"])
                health.SetStatus(service, status);
        }
    }

    private static async Task<IPEndPoint> ResolveAsync(string listen, CancellationToken cancellationToken)
    {
        int colon = listen.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(listen.AsSpan(colon + 1), out ushort port))
            throw new ServerStartException($"'{listen}' is not an address; expected host:port, for example 0.0.0.0:7070.");
        string host = listen[..colon].Trim('[', ']');
        if (IPAddress.TryParse(host, out IPAddress? address))
            return new IPEndPoint(address, port);
        try
        {
            IPAddress[] found = await Dns.GetHostAddressesAsync(host, cancellationToken);
            return new IPEndPoint(found[0], port);
        }
        catch (SocketException unknown)
        {
            throw new ServerStartException($"The name '{host}' in --listen {listen} doesn't resolve: {unknown.Message}.", unknown);
        }
    }
}

/// <summary>Signals are the process's business: whoever starts a host stops it.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>A server could not start.</summary>
/// <param name="message">Why, and what to do.</param>
/// <param name="inner">What it came from.</param>
public sealed class ServerStartException(string message, Exception? inner = null) : Exception(message, inner);
