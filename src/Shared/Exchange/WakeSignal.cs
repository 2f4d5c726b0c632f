using System.Threading.Tasks.Sources;

namespace DistSgd.Shared.Exchange;

/// <summary>
/// Wakes one flow, again and again, without allocating. The flow resets it under its owner's gate when it finds nothing to do, and awaits;
/// whoever brings something takes it under the gate, and sets it outside: then the flow goes on, on that thread if asked.
/// </summary>
internal sealed class WakeSignal : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core;

    // Under the owner's gate.
    private bool _isWaiting;

    /// <summary>What the flow awaits, once after each reset.</summary>
    public ValueTask Task => new(this, _core.Version);

    /// <summary>The flow is about to wait. Under the gate.</summary>
    public void Reset()
    {
        _core.Reset();
        _isWaiting = true;
    }

    /// <summary>True for the one who is to set it. Under the gate.</summary>
    /// <param name="inline">Whether the flow goes on within <see cref="Set"/>.</param>
    public bool TryTake(bool inline)
    {
        if (!_isWaiting)
            return false;
        _isWaiting = false;
        _core.RunContinuationsAsynchronously = !inline;
        return true;
    }

    /// <summary>Wakes the flow. Outside the gate, after <see cref="TryTake"/> said so.</summary>
    public void Set() => _core.SetResult(true);

    /// <inheritdoc/>
    public void GetResult(short token) => _core.GetResult(token);

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
