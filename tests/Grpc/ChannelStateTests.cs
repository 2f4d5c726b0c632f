using System.Net;
using System.Net.Sockets;
using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Grpc.Tests;

public sealed class ChannelStateTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly GrpcChannelOptions Impatient = new()
    {
        InitialReconnectBackoff = TimeSpan.FromMilliseconds(20),
        MaxReconnectBackoff = TimeSpan.FromMilliseconds(20),
    };

    [Fact]
    public async Task State_FollowsTheConnection()
    {
        await using var host = await EchoHost.StartAsync();
        var channel = host.Channel;
        Assert.Equal(ConnectivityState.Idle, channel.State);
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(ConnectivityState.Ready, channel.State);
        var left = channel.WaitForStateChangedAsync(ConnectivityState.Ready);
        await host.StopServerAsync();
        await left.WaitAsync(Patience);
        Assert.Equal(ConnectivityState.Idle, channel.State);
        await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(ConnectivityState.TransientFailure, channel.State);
        channel.Dispose();
        Assert.Equal(ConnectivityState.Shutdown, channel.State);
    }

    [Fact]
    public async Task Connect_MakesTheConnectionThatTheFirstCallUses()
    {
        await using var host = await EchoHost.StartAsync();
        await host.Channel.ConnectAsync().WaitAsync(Patience);
        Assert.Equal(ConnectivityState.Ready, host.Channel.State);
        await host.Channel.ConnectAsync().WaitAsync(Patience);
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        var connection = host.Probe.Peer;
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(connection, host.Probe.Peer);
        Assert.Equal(1, host.ConnectionCount);
    }

    [Fact]
    public async Task Connect_AheadAndClosedByTheServer_IsMadeAnew()
    {
        var port = FreePort();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        using (var listener = new TcpListener(IPAddress.Loopback, port))
        {
            listener.Start();
            await channel.ConnectAsync().WaitAsync(Patience);
            (await listener.AcceptSocketAsync()).Dispose();
        }
        await using var host = await EchoHost.StartAsync(port: port);
        Assert.Equal("a", (await new Echo.EchoClient(channel).UnaryAsync(new EchoRequest { Text = "a" }).ResponseAsync.WaitAsync(Patience)).Text);
    }

    [Fact]
    public async Task Connect_ServerThatStartsLater_IsReached()
    {
        var port = FreePort();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}", Impatient);
        var connecting = channel.ConnectAsync();
        await UntilAsync(channel, ConnectivityState.TransientFailure);
        await using var host = await EchoHost.StartAsync(port: port);
        await connecting.WaitAsync(Patience);
        Assert.Equal(ConnectivityState.Ready, channel.State);
    }

    [Fact]
    public async Task Connect_CancelledOrDisposed_Ends()
    {
        var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{FreePort()}");
        using var source = new CancellationTokenSource();
        var cancelled = channel.ConnectAsync(source.Token);
        await UntilAsync(channel, ConnectivityState.TransientFailure);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(Patience));
        var disposed = channel.ConnectAsync();
        channel.Dispose();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => disposed.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => channel.ConnectAsync());
    }

    [Fact]
    public async Task WaitForReady_ServerThatStartsLater_AnswersEachShape()
    {
        var port = FreePort();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}", Impatient);
        var client = new Echo.EchoClient(channel);
        var options = new CallOptions().WithWaitForReady();
        var unary = client.UnaryAsync(new EchoRequest { Text = "a" }, options);
        using var collect = client.Collect(options);
        var written = collect.RequestStream.WriteAsync(new EchoRequest { Text = "b" });
        await UntilAsync(channel, ConnectivityState.TransientFailure);
        Assert.False(unary.ResponseAsync.IsCompleted);
        await using var host = await EchoHost.StartAsync(port: port);
        Assert.Equal("a", (await unary.ResponseAsync.WaitAsync(Patience)).Text);
        await written.WaitAsync(Patience);
        await collect.RequestStream.CompleteAsync();
        Assert.Equal("b", (await collect.ResponseAsync.WaitAsync(Patience)).Text);
    }

    [Fact]
    public async Task WaitForReady_NoServer_EndsWithTheDeadline()
    {
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{FreePort()}");
        var options = new CallOptions(deadline: DateTime.UtcNow.AddMilliseconds(100)).WithWaitForReady();
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest(), options);
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public void State_OfAHandlerThatMakesItsOwnConnections_IsUnknown()
    {
        using var client = new HttpClient();
        using var channel = GrpcChannel.ForAddress("http://localhost:1", new GrpcChannelOptions { HttpClient = client });
        Assert.Throws<InvalidOperationException>(() => channel.State);
    }

    [Fact]
    public async Task Unix_ServerAndClient_Talk()
    {
        var directory = Directory.CreateTempSubdirectory("grpc");
        try
        {
            var path = Path.Combine(directory.FullName, "s");
            await using var host = await EchoHost.StartAsync(unixSocket: path);
            Assert.Equal($"unix:{path}", host.Channel.Target);
            Assert.Equal("a", (await host.Client.UnaryAsync(new EchoRequest { Text = "a" }).ResponseAsync.WaitAsync(Patience)).Text);
            Assert.StartsWith("unix:", host.Probe.Peer, StringComparison.Ordinal);
            Assert.Equal("localhost", host.Probe.Host);
            using var other = GrpcChannel.ForAddress($"unix://{path}", new GrpcChannelOptions { HttpHandler = GrpcHttpHandler.Create(), DisposeHttpClient = true });
            Assert.Equal("b", (await new Echo.EchoClient(other).UnaryAsync(new EchoRequest { Text = "b" }).ResponseAsync.WaitAsync(Patience)).Text);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Unix_NoSocket_IsUnavailableAndNamed()
    {
        using var channel = GrpcChannel.ForAddress("unix:/no/such/socket");
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest());
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.StartsWith("The server at unix:/no/such/socket can't be reached: ", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dns_Name_IsResolved()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(
            $"dns:///localhost:{new Uri(host.Address).Port}", new GrpcChannelOptions { Credentials = ChannelCredentials.Insecure });
        Assert.Equal("a", (await new Echo.EchoClient(channel).UnaryAsync(new EchoRequest { Text = "a" }).ResponseAsync.WaitAsync(Patience)).Text);
    }

    private static async Task UntilAsync(GrpcChannel channel, ConnectivityState wanted)
    {
        while (channel.State is var state && state != wanted)
            await channel.WaitForStateChangedAsync(state).WaitAsync(Patience);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
