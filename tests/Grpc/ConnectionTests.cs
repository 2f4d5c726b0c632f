using System.Net;
using System.Net.Sockets;
using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DistSgd.Grpc.Tests;

public sealed class ConnectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Server_NotListening_IsUnavailableAndNamed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var status = await FailAsync($"http://127.0.0.1:{port}");
        Assert.Equal(StatusCode.Unavailable, status.StatusCode);
        Assert.Equal($"The server at http://127.0.0.1:{port} can't be reached: Connection refused (ConnectionRefused).", status.Detail);
    }

    [Fact]
    public async Task Server_NameUnknown_IsUnavailableAndNamed()
    {
        var status = await FailAsync("http://no-such-host.invalid:5000");
        Assert.Equal(StatusCode.Unavailable, status.StatusCode);
        Assert.StartsWith("The server at http://no-such-host.invalid:5000 can't be reached: ", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_SpeaksOnlyHttp1_IsUnavailable()
    {
        await using var host = await EchoHost.StartAsync(protocols: HttpProtocols.Http1);
        var status = await FailAsync(host.Address);
        Assert.Equal(StatusCode.Unavailable, status.StatusCode);
        Assert.Contains(host.Address, status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_ClosesTheConnectionInMidCall_IsUnavailable()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var accepting = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            await client.GetStream().ReadExactlyAsync(new byte[24]);
        });
        var status = await FailAsync($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        await accepting.WaitAsync(Patience);
        Assert.Equal(StatusCode.Unavailable, status.StatusCode);
    }

    [Theory]
    [InlineData("localhost:5000")]
    [InlineData("")]
    [InlineData("ftp://host:1")]
    [InlineData("unix:")]
    [InlineData("unix://host/x")]
    [InlineData("dns:///")]
    [InlineData("dns://resolver/host:1")]
    public void Address_OfAnotherForm_IsRefused(string address)
    {
        var e = Assert.Throws<ArgumentException>(() => GrpcChannel.ForAddress(address));
        Assert.Contains(address.Contains("resolver") ? "names a DNS server" : "must be of the form http://host:port", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_Restarted_IsReachedAgainByTheSameChannel()
    {
        await using var first = await EchoHost.StartAsync();
        await first.Client.UnaryAsync(new EchoRequest());
        await first.StopServerAsync();
        var e = await Assert.ThrowsAsync<RpcException>(() => first.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        await using var second = await EchoHost.StartAsync(port: new Uri(first.Address).Port);
        Assert.Equal("again", (await first.Client.UnaryAsync(new EchoRequest { Text = "again" }).ResponseAsync.WaitAsync(Patience)).Text);
    }

    private static async Task<Status> FailAsync(string address)
    {
        using var channel = GrpcChannel.ForAddress(address);
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest());
        return (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience))).Status;
    }
}
