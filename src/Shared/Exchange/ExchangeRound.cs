using System.Threading.Tasks.Sources;

namespace DistSgd.Shared.Exchange;

/// <summary>
/// One call of <see cref="GrpcParameterClient.ExecuteAsync"/>: its works, one a shard, and what its caller awaits. From a pool: a round
/// that is awaited allocates nothing. Everything but the awaiting is under the client's gate.
/// </summary>
internal sealed class ExchangeRound : IValueTaskSource
{
    private readonly GrpcParameterClient _client;
    private ManualResetValueTaskSourceCore<bool> _done = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellationToken;
    private Exception? _failure;
    private int _pending;
    private int _inUse;
    private bool _isOver;

    public ExchangeRound(GrpcParameterClient client, IReadOnlyList<ShardPlacement> placements, KeyFloats floats)
    {
        _client = client;
        Works = [.. placements.Select(placement => new ShardWork(this, placement, floats))];
    }

    /// <summary>One a shard.</summary>
    public ShardWork[] Works { get; }

    /// <summary>What is to be done.</summary>
    public ParameterExchange? Exchange { get; private set; }

    /// <summary>True while it isn't decided.</summary>
    public bool IsLive => Exchange is not null && !_isOver && _failure is null && _pending > 0;

    /// <summary>What its caller awaits, once.</summary>
    public ValueTask Task => new(this, _done.Version);

    /// <summary>Takes up an exchange.</summary>
    public void Begin(ParameterExchange exchange, long now, CancellationToken cancellationToken)
    {
        _done.Reset();
        (Exchange, _cancellationToken, _failure, _pending, _inUse, _isOver) = (exchange, cancellationToken, null, 0, 0, false);
        exchange.Duplicate = false;
        foreach (ShardWork work in Works)
        {
            work.Begin(exchange, now);
            _pending += work.Pieces > 0 ? 1 : 0;
        }
        EndIfDecided();
    }

    /// <summary>Ends it when the token says so. Outside the gate: the token may say so at once.</summary>
    public void ListenForCancellation()
    {
        if (_cancellationToken.CanBeCanceled)
            _registration = _cancellationToken.UnsafeRegister(static state => ((ExchangeRound)state!)._client.Cancel((ExchangeRound)state), this);
    }

    /// <summary>Ends it if its token was cancelled; a late call for an earlier use of this object changes nothing.</summary>
    public void CancelIfAsked()
    {
        if (Exchange is not null && _cancellationToken.IsCancellationRequested)
            Fail(new OperationCanceledException(_cancellationToken));
    }

    /// <summary>Somebody reads or writes the caller's buffers: the round can't end before <see cref="Leave"/>.</summary>
    public void Enter() => _inUse++;

    /// <summary>The buffers are no longer used.</summary>
    public void Leave()
    {
        _inUse--;
        EndIfDecided();
    }

    /// <summary>One of the works is done.</summary>
    public void WorkDone()
    {
        _pending--;
        EndIfDecided();
    }

    /// <summary>Ends it with a failure; the first one counts.</summary>
    public void Fail(Exception failure)
    {
        if (!IsLive)
            return;
        _failure = failure;
        foreach (ShardWork work in Works)
            work.Attempt++;
        EndIfDecided();
    }

    /// <inheritdoc/>
    public void GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        try
        {
            _done.GetResult(token);
        }
        finally
        {
            Exchange = null;
            _client.Return(this);
        }
    }

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _done.GetStatus(token);

    /// <inheritdoc/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);

    // The continuation runs elsewhere, never under the gate.
    private void EndIfDecided()
    {
        if (_isOver || _inUse > 0 || _pending > 0 && _failure is null)
            return;
        _isOver = true;
        if (_failure is null)
            _done.SetResult(true);
        else
            _done.SetException(_failure);
    }
}
