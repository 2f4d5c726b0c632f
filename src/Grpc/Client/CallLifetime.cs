using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Ends a call early: by its deadline, its caller's token, its disposal, or its channel's end; remembers which came first.</summary>
internal sealed class CallLifetime : IDisposable
{
    private const double TimerMillisecondsMax = uint.MaxValue - 1;

    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration _byCaller;
    private readonly CancellationTokenRegistration _byServerCall;
    private readonly CancellationTokenRegistration _byChannel;
    private readonly DateTime? _deadline;

    // Written once, by whichever thread ends the call first (compare-exchange); read by the call's own flow after the token fired.
    private string? _cause;

    public CallLifetime(in CallOptions options, CancellationToken channel)
    {
        var deadline = options.Deadline;
        if (options.PropagationToken is { } parent)
        {
            deadline = parent.Deadline < (deadline ?? DateTime.MaxValue).ToUniversalTime() ? parent.Deadline : deadline;
            _byServerCall = parent.CancellationToken.UnsafeRegister(
                static state => ((CallLifetime)state!).Cancel("The server call that this call was made for was cancelled."), this);
        }
        Token = _source.Token;
        _deadline = deadline is { } d && d < DateTime.MaxValue ? d.ToUniversalTime() : null;
        Remaining = _deadline is { } at ? at - DateTime.UtcNow : null;
        if (Remaining is { } remaining)
            StartTimer(remaining);
        _byCaller = options.CancellationToken.UnsafeRegister(static state => ((CallLifetime)state!).Cancel("The call was cancelled by its caller."), this);
        _byChannel = channel.UnsafeRegister(static state => ((CallLifetime)state!).Cancel("The call's channel was disposed."), this);
    }

    public CancellationToken Token { get; }

    /// <summary>How long the call may take, from its start; null without a deadline.</summary>
    public TimeSpan? Remaining { get; }

    /// <summary>How long the call may still take; at least a tick, null without a deadline.</summary>
    public TimeSpan? TimeLeft => _deadline is { } deadline ? TimeSpan.FromTicks(Math.Max(1, (deadline - DateTime.UtcNow).Ticks)) : null;

    public bool IsCancelled => Token.IsCancellationRequested;

    /// <summary>Runs when the call is ended early. The registration ends with this object.</summary>
    public void OnCancelled(Action<object?> action, object state) => Token.UnsafeRegister(action, state);

    public void Cancel(string cause)
    {
        Interlocked.CompareExchange(ref _cause, cause, null);
        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call ended in the meantime; there is nothing to cancel.
        }
    }

    /// <summary>The status of a call that failed: the early end where there was one, else what the failure itself says.</summary>
    public Status Explain(Func<Exception, Status> explain, Exception exception)
    {
        // A server whose clock runs a little ahead resets the call just before this side's timer fires: that, too, is the deadline.
        var isLate = _deadline is { } deadline && DateTime.UtcNow >= deadline;
        if (_cause is null && (isLate || _deadline is not null && exception is OperationCanceledException))
            return new Status(StatusCode.DeadlineExceeded, $"The deadline of {Remaining!.Value.TotalSeconds:0.###} s passed before the call ended.", exception);
        if (exception is RpcException rpc)
            return rpc.Status;
        return _cause is null ? explain(exception) : new Status(StatusCode.Cancelled, _cause, exception);
    }

    private void StartTimer(TimeSpan remaining)
    {
        if (remaining > TimeSpan.Zero)
            _source.CancelAfter(TimeSpan.FromMilliseconds(Math.Clamp(remaining.TotalMilliseconds, 1, TimerMillisecondsMax)));
        else
            _source.Cancel();
    }

    public void Dispose()
    {
        _byCaller.Dispose();
        _byServerCall.Dispose();
        _byChannel.Dispose();
        _source.Dispose();
    }
}
