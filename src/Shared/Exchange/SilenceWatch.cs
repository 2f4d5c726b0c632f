namespace DistSgd.Shared.Exchange;

/// <summary>
/// Says when a server has been silent for too long while something was expected of it. The timer is set when the expecting begins and looks,
/// when it fires, how long the silence really was: nothing is set per message. Members are called under the owner's gate.
/// </summary>
internal sealed class SilenceWatch : IDisposable
{
    private readonly TimeSpan _silenceMax;
    private readonly TimeProvider _time;
    private readonly Lock _gate;
    private readonly Action _onSilence;
    private readonly ITimer _timer;

    // Under the owner's gate.
    private long _heard;
    private bool _isExpecting;
    private bool _isSet;

    /// <param name="options">The time and the deadline.</param>
    /// <param name="gate">The owner's gate; taken when the timer fires.</param>
    /// <param name="onSilence">Called outside the gate.</param>
    public SilenceWatch(GrpcClientOptions options, Lock gate, Action onSilence)
    {
        (_silenceMax, _time, _gate, _onSilence) = (options.CallDeadline, options.Time, gate, onSilence);
        _timer = _time.CreateTimer(static state => ((SilenceWatch)state!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something was sent.</summary>
    public void Expect()
    {
        if (_isExpecting)
            return;
        _isExpecting = true;
        _heard = _time.GetTimestamp();
        if (!_isSet)
            Set(_silenceMax);
    }

    /// <summary>The server spoke.</summary>
    /// <param name="expectsMore">Whether something is still unanswered.</param>
    public void Heard(bool expectsMore)
    {
        _heard = _time.GetTimestamp();
        _isExpecting = expectsMore;
    }

    /// <summary>Nothing is expected: there is no connection.</summary>
    public void Stop()
    {
        _isExpecting = _isSet = false;
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Set(TimeSpan after)
    {
        _isSet = true;
        _timer.Change(after, Timeout.InfiniteTimeSpan);
    }

    private void Fire()
    {
        lock (_gate)
        {
            _isSet = false;
            if (!_isExpecting)
                return;
            TimeSpan left = _silenceMax - _time.GetElapsedTime(_heard);
            if (left > TimeSpan.Zero)
            {
                Set(left);
                return;
            }
        }
        _onSilence();
    }
}
