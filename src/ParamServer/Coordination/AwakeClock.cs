namespace DistSgd.ParamServer.Coordination;

/// <summary>
/// The time during which this process ran: a pause (stopped by a signal, a suspended machine) is left out, and the wall clock's jumps too, so that whoever could not be
/// heard meanwhile isn't taken for dead. It must be read more often than <see cref="PauseMin"/>, else that is taken for a pause. Any thread.
/// </summary>
/// <param name="time">Time.</param>
public sealed class AwakeClock(TimeProvider time)
{
    /// <summary>So long between two readings is a pause.</summary>
    public static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(4);

    // Both written and read under _gate.
    private readonly Lock _gate = new();
    private long _last = time.GetTimestamp();
    private DateTimeOffset _now = time.GetUtcNow();

    /// <summary>Time, pauses included.</summary>
    public TimeProvider Time => time;

    /// <summary>The moment at which this was made, and the time that the process ran since.</summary>
    public DateTimeOffset Now
    {
        get
        {
            lock (_gate)
            {
                long read = time.GetTimestamp();
                TimeSpan gap = time.GetElapsedTime(_last, read);
                _last = read;
                if (gap < PauseMin)
                    _now += gap;
                return _now;
            }
        }
    }
}
