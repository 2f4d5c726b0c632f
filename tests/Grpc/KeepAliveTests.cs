using System.Net;
using System.Net.Sockets;
using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Grpc.Tests;

/// <summary>A server that is silent for too long is given up, where the channel pings.</summary>
public sealed class KeepAliveTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Server_ThatDoesntAnswerPings_IsUnavailable()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var silent = Task.Run(() => BeSilentAsync(listener));
        var shortest = TimeSpan.FromSeconds(1);
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            HttpHandler = GrpcHttpHandler.Create(handler => (handler.KeepAlivePingDelay, handler.KeepAlivePingTimeout) = (shortest, shortest)),
        });
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest());
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.True(await silent.WaitAsync(Patience), "The client sent no PING frame.");
    }

    /// <summary>Speaks HTTP/2 up to the settings, then only listens; tells whether a ping came.</summary>
    private static async Task<bool> BeSilentAsync(TcpListener listener)
    {
        const int PrefaceBytes = 24;
        const int FrameHeaderBytes = 9;
        const byte Ping = 6;
        using var client = await listener.AcceptTcpClientAsync();
        var stream = client.GetStream();
        await stream.ReadExactlyAsync(new byte[PrefaceBytes]);
        await stream.WriteAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 }); // SETTINGS
        await stream.WriteAsync(new byte[] { 0, 0, 0, 4, 1, 0, 0, 0, 0 }); // SETTINGS, acknowledged
        var header = new byte[FrameHeaderBytes];
        var hasPinged = false;
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(header);
                await stream.ReadExactlyAsync(new byte[header[0] << 16 | header[1] << 8 | header[2]]);
                hasPinged |= header[3] == Ping;
            }
        }
        catch (Exception e) when (e is IOException)
        {
            return hasPinged;
        }
    }
}
