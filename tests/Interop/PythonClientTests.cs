using DistSgd.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DistSgd.Interop.Tests;

/// <summary>python3-grpcio calls our server.</summary>
public sealed class PythonClientTests
{
    private const int MessageBytesMax = 33 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [PeerTheory(Python.Grpc)]
    [InlineData("unary")]
    [InlineData("large")]
    [InlineData("client_streaming")]
    [InlineData("server_streaming")]
    [InlineData("duplex")]
    [InlineData("metadata")]
    [InlineData("status")]
    [InlineData("status_after_messages")]
    [InlineData("exception")]
    [InlineData("unimplemented")]
    [InlineData("deadline")]
    [InlineData("cancellation")]
    [InlineData("over_limit")]
    [InlineData("compression")]
    [InlineData("over_limit_compressed")]
    public async Task PythonClient_Case_Passes(string name)
    {
        await using var app = await StartAsync();
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        using var python = Python.Start("client.py", address.Authority, name);
        var output = python.StandardOutput.ReadToEndAsync();
        var errors = python.StandardError.ReadToEndAsync();
        using var timeout = new CancellationTokenSource(Patience);
        await python.WaitForExitAsync(timeout.Token);
        app.Services.GetRequiredService<BytesProbe>().Release.TrySetResult();
        Assert.True(await output == $"PASS {name}\n", $"{await output}\n{await errors}");
        await app.StopAsync();
    }

    private static async Task<WebApplication> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.ConfigureForGrpc()
            .Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = MessageBytesMax);
        builder.Services.AddSingleton<BytesProbe>();
        var app = builder.Build();
        app.MapGrpcService<BytesService>();
        await app.StartAsync();
        return app;
    }
}
