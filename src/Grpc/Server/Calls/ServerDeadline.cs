namespace Grpc.AspNetCore.Server.Calls;

/// <summary>A call's deadline on the server: a token that fires at the deadline or when the client leaves, and an action for the deadline alone.</summary>
internal sealed class ServerDeadline : IDisposable
{
    private const double TimerMillisecondsMax = uint.MaxValue - 1;

    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration _byClient;
    private readonly Action _onPassed;
    private readonly Timer _timer;

    // Written by the timer before it cancels the token; read by the call's flow.
    private volatile bool _hasPassed;

    public ServerDeadline(TimeSpan timeout, CancellationToken aborted, Action onPassed)
    {
        _onPassed = onPassed;
        At = timeout < DateTime.MaxValue - DateTime.UtcNow ? DateTime.UtcNow + timeout : DateTime.MaxValue;
        Token = _source.Token;
        _byClient = aborted.UnsafeRegister(static state => ((ServerDeadline)state!).Cancel(), this);
        _timer = new Timer(
            static state => ((ServerDeadline)state!).Pass(),
            this,
            TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, TimerMillisecondsMax)),
            Timeout.InfiniteTimeSpan);
    }

    public DateTime At { get; }

    public CancellationToken Token { get; }

    public bool HasPassed => _hasPassed;

    public void Dispose()
    {
        _timer.Dispose();
        _byClient.Dispose();
        _source.Dispose();
    }

    private void Pass()
    {
        _hasPassed = true;
        Cancel();
        _onPassed();
    }

    private void Cancel()
    {
        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call ended in the meantime.
        }
        catch (AggregateException)
        {
            // A callback of the service's own failed; the call's end doesn't depend on it.
        }
    }
}
