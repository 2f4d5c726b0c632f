using System.Net;
using System.Net.Sockets;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Makes a channel's connections, and knows their state: what stands, what is being made, what failed last. Thread-safe.</summary>
internal sealed class ChannelConnections(EndPoint endPoint, TimeSpan connectTimeout, ReconnectBackoff backoff) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turn = new(1);

    // All under _gate. _changed is completed, and replaced, at each change of the state.
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ConnectivityState _state;
    private int _standing;
    private int _beingMade;
    private bool _hasFailed;
    private bool _isShutdown;

    // A connection made ahead of the first call; at most one.
    private TrackedStream? _ahead;

    public ConnectivityState State
    {
        get
        {
            lock (_gate)
                return _state;
        }
    }

    /// <summary>Done when the state is another than this.</summary>
    public async Task WaitForChangeAsync(ConnectivityState last, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_state != last)
                    return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>A connection to this channel's server; a name's addresses are tried one after another.</summary>
    public async ValueTask<NetworkStream> ConnectAsync(CancellationToken cancellationToken)
    {
        TrackedStream? ahead;
        lock (_gate)
            (ahead, _ahead) = (_ahead, null);
        if (ahead is { IsAlive: true })
            return ahead;
        if (ahead is not null)
            await ahead.DisposeAsync();
        return await OpenAsync(cancellationToken);
    }

    /// <summary>Done when a connection stands; tries again and again, with growing pauses, until cancelled.</summary>
    public async Task EnsureReadyAsync(CancellationToken cancellationToken)
    {
        if (State == ConnectivityState.Ready)
            return;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            for (var failures = 0; State != ConnectivityState.Ready; failures++)
            {
                if (failures > 0)
                    await PauseAsync(failures, cancellationToken);
                ObjectDisposedException.ThrowIf(failures == 0 && State == ConnectivityState.Shutdown, typeof(GrpcChannel));
                if (State == ConnectivityState.Shutdown)
                    throw new OperationCanceledException("The channel was disposed while it was connecting.");
                if (State != ConnectivityState.Ready)
                    await TryConnectAheadAsync(cancellationToken);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        TrackedStream? ahead;
        lock (_gate)
        {
            _isShutdown = true;
            (ahead, _ahead) = (_ahead, null);
            Update();
        }
        ahead?.Dispose();
    }

    private async Task PauseAsync(int failures, CancellationToken cancellationToken)
    {
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        pause.CancelAfter(backoff.After(failures));
        try
        {
            await WaitForChangeAsync(ConnectivityState.TransientFailure, pause.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The pause is over; nobody else has connected meanwhile.
        }
    }

    private async Task TryConnectAheadAsync(CancellationToken cancellationToken)
    {
        try
        {
            var stream = await OpenAsync(cancellationToken);
            TrackedStream? surplus = stream;
            lock (_gate)
            {
                if (!_isShutdown)
                    (_ahead, surplus) = (stream, _ahead);
            }
            surplus?.Dispose();
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            // The state tells it; the next attempt follows after a pause.
        }
    }

    private async Task<TrackedStream> OpenAsync(CancellationToken cancellationToken)
    {
        Count(beingMade: +1, standing: 0, hasFailed: null);
        var socket = endPoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken).AsTask().WaitAsync(connectTimeout, cancellationToken);
        }
        catch (Exception e)
        {
            socket.Dispose();
            Count(beingMade: -1, standing: 0, hasFailed: e is OperationCanceledException ? null : true);
            throw;
        }
        Count(beingMade: -1, standing: +1, hasFailed: false);
        return new TrackedStream(socket, () => Count(beingMade: 0, standing: -1, hasFailed: null));
    }

    private void Count(int beingMade, int standing, bool? hasFailed)
    {
        lock (_gate)
        {
            _beingMade += beingMade;
            _standing += standing;
            _hasFailed = hasFailed ?? _hasFailed;
            Update();
        }
    }

    private void Update()
    {
        var state = _isShutdown ? ConnectivityState.Shutdown
            : _standing > 0 ? ConnectivityState.Ready
            : _beingMade > 0 ? ConnectivityState.Connecting
            : _hasFailed ? ConnectivityState.TransientFailure
            : ConnectivityState.Idle;
        if (state == _state)
            return;
        _state = state;
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    /// <summary>A connection that tells when it is closed.</summary>
    private sealed class TrackedStream(Socket socket, Action closed) : NetworkStream(socket, ownsSocket: true)
    {
        private int _isClosed;

        /// <summary>For a connection that nothing was sent on: whether the server has closed it. What a server says first (its settings) is data.</summary>
        public bool IsAlive => Socket.Connected && !(Socket.Poll(TimeSpan.Zero, SelectMode.SelectRead) && Socket.Available == 0);

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (Interlocked.Exchange(ref _isClosed, 1) == 0)
                closed();
        }
    }
}

/// <summary>The pauses between attempts to connect (gRPC: doc/connection-backoff.md). One thread at a time.</summary>
internal sealed class ReconnectBackoff(TimeSpan initial, TimeSpan? max)
{
    private const double Factor = 1.6;
    private const double Jitter = 0.2;

    // Spreads the attempts of many processes that lost the same server; no result depends on it.
    private readonly Random _spread = new(Environment.ProcessId);

    /// <summary>The pause after so many failures in a row, from 1.</summary>
    public TimeSpan After(int failures)
    {
        var grown = initial.TotalMilliseconds * Math.Pow(Factor, failures - 1);
        var bounded = Math.Min(grown, (max ?? TimeSpan.FromMilliseconds(int.MaxValue)).TotalMilliseconds);
        return TimeSpan.FromMilliseconds(Math.Min(bounded * (1 - Jitter + 2 * Jitter * _spread.NextDouble()), int.MaxValue));
    }
}
