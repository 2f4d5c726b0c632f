using System.Net;
using System.Net.Sockets;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>A server that does to each connection what a test says. Disposing ends its connections.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<RawPeer> _peers = [];
    private readonly Task _accepting;

    public RawServer(Func<RawPeer, Task> behave)
    {
        _listener.Start();
        Address = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync(behave);
    }

    public string Address { get; }

    /// <summary>Welcomes, waits for the head of a call, answers it with these bytes and hears the client out.</summary>
    public static Func<RawPeer, Task> Answering(params byte[][] frames) => async peer =>
    {
        await peer.WelcomeAsync();
        await peer.HearAsync(frame => frame.Type == FrameType.Headers);
        await peer.SendAsync(frames);
        await peer.HearToEndAsync();
    };

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _peers.ForEach(peer => peer.Dispose());
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Func<RawPeer, Task> behave)
    {
        try
        {
            while (true)
            {
                var peer = new RawPeer(await _listener.AcceptSocketAsync(_stopping.Token));
                _peers.Add(peer);
                _ = BehaveAsync(peer, behave);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private static async Task BehaveAsync(RawPeer peer, Func<RawPeer, Task> behave)
    {
        using (peer)
        {
            try
            {
                await behave(peer);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or TimeoutException)
            {
                // The client left, or the test ended.
            }
        }
    }
}
