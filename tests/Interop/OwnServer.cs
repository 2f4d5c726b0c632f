using System.Collections.Concurrent;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DistSgd.Interop.Tests;

/// <summary>Our server with all that foreign clients call: the interop service, the service of raw bytes, health and reflection.</summary>
public sealed class OwnServer : IAsyncLifetime
{
    private const int MessageBytesMax = 33 << 20;

    private readonly ConcurrentQueue<string> _encodingFaults = new();
    private WebApplication? _app;

    /// <summary>host:port.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The calls since the last look whose responses weren't compressed exactly where the client had asked for it.</summary>
    public IEnumerable<string> TakeEncodingFaults()
    {
        while (_encodingFaults.TryDequeue(out var fault))
            yield return fault;
    }

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.ConfigureForGrpc()
            .Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = MessageBytesMax;
            options.CompressionProviders.Add(new CountingGzip());
        });
        builder.Services.AddGrpcReflection().AddSingleton<BytesProbe>().AddSingleton<HealthServiceImpl>();
        _app = builder.Build();
        _app.Use(CountAsync);
        _app.MapGrpcService<TestService>();
        _app.MapGrpcService<BytesService>();
        _app.MapGrpcService<HealthServiceImpl>();
        _app.MapGrpcReflectionService();
        _app.Services.GetRequiredService<HealthServiceImpl>().SetStatus(Testing.TestService.Descriptor.FullName, HealthCheckResponse.Types.ServingStatus.Serving);
        await _app.StartAsync();
        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Authority;
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        if (_app is null)
            return;
        _app.Services.GetRequiredService<BytesProbe>().Release.TrySetResult();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    // The trailers leave when this has ended, so that a client that has seen the status finds the fault.
    private async Task CountAsync(HttpContext context, RequestDelegate next)
    {
        var counts = CountingGzip.Begin();
        await next(context);
        if (counts.AskedFor is { } asked && asked != counts.Compressed)
            _encodingFaults.Enqueue($"{context.Request.Path}: {asked} compressed responses asked for, {counts.Compressed} sent");
    }
}
