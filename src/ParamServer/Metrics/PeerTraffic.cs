namespace DistSgd.ParamServer.Metrics;

/// <summary>
/// What one connection has sent, got and asked for. Bytes are everything on the connection; exchanges are pushes, pulls and both together, by calls and on streams.
/// Any thread; nothing is allocated by counting.
/// </summary>
internal sealed class PeerTraffic(string name, TimeProvider time)
{
    private readonly LatencyHistogram _latency = new();
    private long _received;
    private long _sent;
    private long _calls;
    private long _callsRefused;
    private long _underWay;
    private long _refused;
    private long _queuedTicks;

    /// <summary>Address and port of the other end.</summary>
    public string Name => name;

    /// <summary>Whether the connection is there. Written by <see cref="PeerTable"/> under its lock.</summary>
    public bool IsConnected { get; set; }

    /// <summary>Bytes that came.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Bytes that went.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Calls that have ended, of all services; a stream is one.</summary>
    public long Calls => Volatile.Read(ref _calls);

    /// <summary>Those of them that ended with another status than OK, whoever refused them.</summary>
    public long CallsRefused => Volatile.Read(ref _callsRefused);

    /// <summary>Exchanges that are being done.</summary>
    public long UnderWay => Math.Max(0, Volatile.Read(ref _underWay));

    /// <summary>Exchanges that were refused.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>How long exchanges waited for their turn, all together.</summary>
    public TimeSpan Queued => new(Volatile.Read(ref _queuedTicks));

    /// <summary>How long exchanges took, from the arrival of their message to the answer; refused ones too.</summary>
    public LatencyHistogram Latency => _latency;

    /// <summary>Counts bytes that came.</summary>
    public void CountReceived(long bytes) => Interlocked.Add(ref _received, bytes);

    /// <summary>Counts bytes that went.</summary>
    public void CountSent(long bytes) => Interlocked.Add(ref _sent, bytes);

    /// <summary>Counts a call that has ended.</summary>
    public void CountCall(bool isOk)
    {
        Interlocked.Increment(ref _calls);
        if (!isOk)
            Interlocked.Increment(ref _callsRefused);
    }

    /// <summary>An exchange begins.</summary>
    /// <param name="arrived">When its message was there whole, as <see cref="TimeProvider.GetTimestamp"/>.</param>
    public void Begin(long arrived)
    {
        Interlocked.Increment(ref _underWay);
        Interlocked.Add(ref _queuedTicks, time.GetElapsedTime(arrived).Ticks);
    }

    /// <summary>An exchange ends.</summary>
    /// <param name="arrived">As given to <see cref="Begin"/>.</param>
    /// <param name="isDone">False: it was refused.</param>
    public void End(long arrived, bool isDone)
    {
        Interlocked.Decrement(ref _underWay);
        if (!isDone)
            Interlocked.Increment(ref _refused);
        _latency.Add(time.GetElapsedTime(arrived));
    }

    /// <summary>Adds another's figures to these.</summary>
    public void Add(PeerTraffic other)
    {
        CountReceived(other.Received);
        CountSent(other.Sent);
        Interlocked.Add(ref _calls, other.Calls);
        Interlocked.Add(ref _callsRefused, other.CallsRefused);
        Interlocked.Add(ref _refused, other.Refused);
        Interlocked.Add(ref _queuedTicks, other.Queued.Ticks);
        _latency.Add(other._latency);
    }
}

/// <summary>Counts one exchange from its turn to its end, which is a refusal unless it was said to be done.</summary>
internal ref struct ExchangeMeter
{
    private readonly PeerTraffic? _peer;
    private readonly long _arrived;
    private bool _isDone;

    /// <summary>Its turn has come.</summary>
    /// <param name="peer">Whose it is; null: nothing is counted.</param>
    /// <param name="arrived">When its message was there whole, as <see cref="TimeProvider.GetTimestamp"/>.</param>
    public ExchangeMeter(PeerTraffic? peer, long arrived)
    {
        (_peer, _arrived) = (peer, arrived);
        _peer?.Begin(arrived);
    }

    /// <summary>It was not refused.</summary>
    public void Done() => _isDone = true;

    /// <summary>It has ended.</summary>
    public readonly void Dispose() => _peer?.End(_arrived, _isDone);
}
