namespace Grpc.Net.Client.Http2;

/// <summary>When a silent connection is asked whether it still stands.</summary>
/// <param name="Silence">How long nothing may come, while calls are under way, before a ping is sent.</param>
/// <param name="Answer">How long the ping's answer, or anything else, may take.</param>
internal sealed record KeepAliveTimes(TimeSpan Silence, TimeSpan Answer)
{
    /// <summary>gRPC's servers end a connection that is pinged more often than every five minutes.</summary>
    public static KeepAliveTimes Default { get; } = new(TimeSpan.FromMinutes(6), TimeSpan.FromSeconds(20));
}

/// <summary>Pings a server that has been silent for long while calls are under way, and gives the connection up where nothing comes then.</summary>
internal sealed class KeepAlive : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly KeepAliveTimes _times;
    private readonly Http2Connection _connection;
    private readonly ITimer _timer;

    // Written by the receiver at each arrival, read by the timer: when it was, and the how-manieth.
    private long _heardAt;
    private long _heard;

    // Only the timer's.
    private long _heardBeforePing;
    private bool _isPinged;

    public KeepAlive(TimeProvider clock, KeepAliveTimes times, Http2Connection connection)
    {
        (_clock, _times, _connection) = (clock, times, connection);
        _heardAt = clock.GetTimestamp();
        _timer = clock.CreateTimer(static state => ((KeepAlive)state!).Tick(), this, times.Silence, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something came from the server.</summary>
    public void Hear()
    {
        Volatile.Write(ref _heardAt, _clock.GetTimestamp());
        Volatile.Write(ref _heard, _heard + 1);
    }

    public void Dispose() => _timer.Dispose();

    private void Tick()
    {
        var heard = Volatile.Read(ref _heard);
        if (_isPinged && heard == _heardBeforePing)
        {
            _connection.Abort(new ConnectionLostException($"The server was silent for {_times.Silence.TotalSeconds:0.#} s and didn't answer a ping within {_times.Answer.TotalSeconds:0.#} s."));
            return;
        }
        var left = _times.Silence - _clock.GetElapsedTime(Volatile.Read(ref _heardAt));
        _isPinged = left <= TimeSpan.Zero && _connection.HasStreams;
        if (_isPinged)
        {
            _heardBeforePing = heard;
            _connection.Ping();
        }
        _timer.Change(_isPinged ? _times.Answer : left > TimeSpan.Zero ? left : _times.Silence, Timeout.InfiniteTimeSpan);
    }
}
