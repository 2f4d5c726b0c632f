using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistSgd.ParamServer.Services;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DistSgd.Bench.Wire;

/// <summary>The benchmark's other side: gRPC on Kestrel, and raw sockets, on free ports of the loopback.</summary>
public sealed class WireBenchServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Socket _listener;
    private readonly Task _serving;

    private WireBenchServer(WebApplication app, Socket listener)
    {
        _app = app;
        _listener = listener;
        _serving = RawSockets.ServeAsync(listener);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        Ports = new WireBenchPorts(new Uri(address).Port, ((System.Net.IPEndPoint)listener.LocalEndPoint!).Port);
    }

    /// <summary>So little memory for calls that clients on the same machine can ask for more.</summary>
    public static ServerLimits Limits { get; } = new() { CallMemoryBytesMax = 256 << 20 };

    /// <summary>PATH/bytes/pieces answers with a body of so many pieces, each flushed.</summary>
    public const string PiecesPath = "/pieces";

    /// <summary>Where it listens.</summary>
    public WireBenchPorts Ports { get; }

    /// <summary>Starts the server.</summary>
    public static async Task<WireBenchServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.ConfigureForGrpc()
            .Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddDataPlane(Limits, StreamBench.Shards, isCounted: false);
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = null);
        builder.Services.AddSingleton<BlockStore>().AddSingleton<BlockService>().AddSingleton<ProtobufService>();
        var app = builder.Build();
        app.MapGrpcService<BlockService>();
        app.MapGrpcService<ProtobufService>();
        app.MapDataPlane();
        app.MapGet($"{PiecesPath}/{{bytes:int}}/{{pieces:int}}", SendPiecesAsync);
        await app.StartAsync();
        return new WireBenchServer(app, RawSockets.Listen());
    }

    /// <summary>Runs as a process of its own: prints "grpcPort rawPort" and ends when its standard input closes, so never after its parent.</summary>
    public static async Task RunAsync(TextWriter output, TextReader input)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(input);
        await using var server = await StartAsync();
        await output.WriteLineAsync($"{server.Ports.Grpc} {server.Ports.Raw}");
        await output.FlushAsync();
        await input.ReadToEndAsync();
    }

    private static async Task SendPiecesAsync(HttpContext http, BlockStore store, int bytes, int pieces)
    {
        for (var piece = 0; piece < pieces; piece++)
        {
            http.Response.BodyWriter.Write(MemoryMarshal.AsBytes(store.Values.AsSpan(0, bytes / sizeof(float))));
            await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving;
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>The ports of a benchmark server.</summary>
/// <param name="Grpc">gRPC, HTTP/2 without TLS.</param>
/// <param name="Raw">Raw sockets.</param>
public sealed record WireBenchPorts(int Grpc, int Raw);
