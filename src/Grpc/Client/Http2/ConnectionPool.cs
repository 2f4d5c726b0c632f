using System.Runtime.ExceptionServices;
using Grpc.Net.Client.Transport;

namespace Grpc.Net.Client.Http2;

/// <summary>
/// A channel's HTTP/2 connections: one, and another one whenever the server's limit of streams is reached on all there are. Thread-safe.
/// </summary>
/// <param name="connect">Makes a wire.</param>
/// <param name="begin">Makes a connection of it, with so many streams before the server says how many, that tells this pool of its changes.</param>
internal sealed class ConnectionPool(Func<CancellationToken, Task<IWire>> connect, Func<IWire, int, Action<Http2Connection>, Http2Connection> begin) : IDisposable
{
    /// <summary>How many connections that nobody could use a call that finds no room has made before it only waits.</summary>
    private const int AttemptsMax = 3;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stopping = new();

    // Replaced under the gate, read without.
    private volatile Http2Connection[] _connections = [];

    // What a server said last, and so is likely to say on its next connection. Any thread's.
    private volatile int _streamsMax = Http2Limits.StreamsBeforeSettings;

    // Under the gate: the connection that is being made, what is done at the next change, and how many calls wait for that (also read without).
    private ConnectAttempt? _attempt;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private bool _isDisposed;

    /// <summary>Opens a stream where a connection has room for it now.</summary>
    public bool TryOpen(Http2Stream stream, in CallHead head, ReadOnlyMemory<byte> onlyMessage)
    {
        foreach (var connection in _connections)
        {
            if (connection.TryOpen(stream, head, onlyMessage))
                return true;
        }
        return false;
    }

    /// <summary>Opens a stream as soon as there is room.</summary>
    /// <exception cref="Exception">The server can't be reached, or ends each connection before anything is sent on it.</exception>
    public async Task OpenAsync(Http2Stream stream, CallHead head, ReadOnlyMemory<byte> onlyMessage, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            ConnectAttempt? attempt = null;
            for (var attempts = 0; ;)
            {
                Task changed;
                lock (_gate)
                {
                    ObjectDisposedException.ThrowIf(_isDisposed, typeof(GrpcChannel));
                    changed = _changed.Task;
                    if (TryOpen(stream, head, onlyMessage))
                        return;
                    var hasNone = !Array.Exists(_connections, connection => connection.IsUsable);
                    if (hasNone && attempt is { Task.IsCompleted: true } && (attempt.Failure is not null || attempts + 1 >= AttemptsMax))
                        ExceptionDispatchInfo.Throw(attempt.Failure ?? new ConnectionLostException("The server ended each connection before a call was made on it."));
                    // Others may have filled the new connection at once: only one that nobody could use was in vain.
                    if (attempt is { Task.IsCompleted: true })
                        attempts = attempt.WasUsed ? 0 : attempts + 1;
                    attempt = _attempt ?? (hasNone || attempts < AttemptsMax ? BeginConnect() : null);
                }
                await (attempt is null ? changed : Task.WhenAny(attempt.Task, changed)).WaitAsync(cancellationToken);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Dispose()
    {
        Http2Connection[] connections;
        lock (_gate)
        {
            _isDisposed = true;
            connections = _connections;
        }
        _stopping.Cancel();
        foreach (var connection in connections)
            connection.Close();
        _stopping.Dispose();
    }

    private ConnectAttempt BeginConnect()
    {
        var attempt = _attempt = new ConnectAttempt();
        // The connection outlives the call that needed it first, whose context mustn't flow into it.
        ThreadPool.UnsafeQueueUserWorkItem(static work => _ = work.Pool.ConnectAsync(work.Attempt), (Pool: this, Attempt: attempt), preferLocal: false);
        return attempt;
    }

    private async Task ConnectAsync(ConnectAttempt attempt)
    {
        try
        {
            var connection = begin(await connect(_stopping.Token), _streamsMax, OnChanged);
            bool isWanted;
            lock (_gate)
            {
                isWanted = !_isDisposed;
                if (isWanted)
                    _connections = [.. _connections, connection];
            }
            if (isWanted)
                connection.Start();
            else
                connection.Close();
            attempt.Made(connection);
        }
        catch (Exception e)
        {
            attempt.Failed(e);
        }
        lock (_gate)
        {
            // Together: whoever waits for this attempt mustn't begin another one before it knows how this one ended.
            attempt.End();
            _attempt = null;
        }
        Signal();
    }

    private void OnChanged(Http2Connection connection)
    {
        _streamsMax = Math.Min(connection.StreamsMax, Http2Limits.StreamsBeforeSettings);
        if (!connection.IsUsable)
        {
            lock (_gate)
                _connections = [.. _connections.Where(other => other != connection)];
        }
        if (Volatile.Read(ref _waiting) > 0)
            Signal();
    }

    private void Signal()
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.SetResult();
    }
}

/// <summary>A connection in the making.</summary>
internal sealed class ConnectAttempt
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One of the two, written before the end.
    private Http2Connection? _connection;
    private Exception? _failure;

    /// <summary>Done at the end, however that was; never fails.</summary>
    public Task Task => _ended.Task;

    /// <summary>Why there is no connection: it couldn't be made, or broke at once. Null where the server ended it in good order.</summary>
    public Exception? Failure => _failure ?? _connection?.Failure;

    /// <summary>Whether a call was made on it.</summary>
    public bool WasUsed => _connection?.WasUsed == true;

    public void Made(Http2Connection connection) => _connection = connection;

    public void Failed(Exception failure) => _failure = failure;

    public void End() => _ended.SetResult();
}
