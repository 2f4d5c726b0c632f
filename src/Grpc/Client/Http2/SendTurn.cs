namespace Grpc.Net.Client.Http2;

/// <summary>Whether a send is under way, and who waits for its end. Thread-safe.</summary>
internal sealed class SendTurn
{
    private const int Idle = 0;
    private const int Busy = 1;
    private const int Awaited = 2;

    // One of the three, by compare-exchange: the sender makes it Busy and Awaited, the end of the send makes it Idle.
    private int _state;

    // Written by the sender before Awaited, read by the end of the send after it.
    private Action? _waiting;

    public bool IsBusy => Volatile.Read(ref _state) != Idle;

    public void Begin() => Volatile.Write(ref _state, Busy);

    public void End()
    {
        if (Interlocked.Exchange(ref _state, Idle) == Awaited)
            _waiting!();
    }

    /// <summary>True where the action will be called at the end of the send, false where there is none under way.</summary>
    public bool Await(Action action)
    {
        _waiting = action;
        return Interlocked.CompareExchange(ref _state, Awaited, Busy) == Busy;
    }
}
