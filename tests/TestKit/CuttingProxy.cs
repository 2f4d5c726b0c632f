using System.Net;
using System.Net.Sockets;

namespace DistSgd.TestKit;

/// <summary>
/// Forwards TCP connections on the loopback, and cuts one in the middle: after so many bytes from the client, both its ends are closed at once, or once a test says so.
/// </summary>
public sealed class CuttingProxy : IAsyncDisposable
{
    private const int BufferBytes = 4096;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private readonly TaskCompletionSource _cut = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _holds;
    private long _bytesUntilCut = long.MaxValue;
    private int _connections;

    /// <summary>Starts forwarding.</summary>
    /// <param name="target">host:port, the host an IP address.</param>
    public CuttingProxy(string target)
    {
        _target = IPEndPoint.Parse(target);
        _listener.Start();
        Address = _listener.LocalEndpoint.ToString()!;
        _accepting = AcceptAsync();
    }

    /// <summary>host:port to connect to.</summary>
    public string Address { get; }

    /// <summary>Connections taken so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Done when a connection was cut.</summary>
    public Task Cut => _cut.Task;

    /// <summary>Cuts the connection on which the byte of this number passes, counted from now over all clients' bytes; once.</summary>
    /// <param name="bytes">More than 0.</param>
    public void CutAfter(long bytes) => Volatile.Write(ref _bytesUntilCut, bytes);

    /// <summary>As <see cref="CutAfter"/>, but the connection stands still, with what was sent underway, until <see cref="Release"/>.</summary>
    /// <param name="bytes">More than 0.</param>
    public void HoldAfter(long bytes)
    {
        _holds = true;
        CutAfter(bytes);
    }

    /// <summary>Done when a connection is held.</summary>
    public Task Held => _held.Task;

    /// <summary>Cuts the connection that is held.</summary>
    public void Release() => _released.TrySetResult();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var forwarding = new List<Task>();
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                forwarding.Add(ForwardAsync(client));
            }
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(forwarding);
        }
    }

    private async Task ForwardAsync(Socket client)
    {
        using (client)
        using (var server = new Socket(_target.AddressFamily, SocketType.Stream, ProtocolType.Tcp))
        {
            using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            try
            {
                await server.ConnectAsync(_target, over.Token);
                await Task.WhenAny(CopyAsync(client, server, isCounted: true, over.Token), CopyAsync(server, client, isCounted: false, over.Token));
            }
            catch (Exception broken) when (broken is SocketException or OperationCanceledException)
            {
                // The connection ends with what it was connected to.
            }
            await over.CancelAsync();
        }
    }

    private async Task CopyAsync(Socket from, Socket to, bool isCounted, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, cancellationToken) is > 0 and var count)
            {
                long left = isCounted ? Interlocked.Add(ref _bytesUntilCut, -count) : 1;
                int passed = left > 0 ? count : (int)Math.Max(0, count + left);
                await to.SendAsync(buffer.AsMemory(0, passed), cancellationToken);
                if (left > 0)
                    continue;
                Volatile.Write(ref _bytesUntilCut, long.MaxValue);
                if (_holds)
                {
                    _held.TrySetResult();
                    await _released.Task.WaitAsync(cancellationToken);
                }
                _cut.TrySetResult();
                return;
            }
        }
        catch (Exception broken) when (broken is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The other end is closed too, by the caller.
        }
    }
}
