namespace Grpc.AspNetCore.Server.Calls;

/// <summary>
/// What the messages of all calls may have together, bytes. Where there are too few left, the holders that haven't moved for long are cut off, so that
/// nobody keeps the others out by doing nothing. Thread-safe.
/// </summary>
/// <param name="bytesMax">Bytes.</param>
/// <param name="time">Time.</param>
/// <param name="exempt">Services whose messages don't count.</param>
internal sealed class MessageBudget(long bytesMax, TimeProvider time, IReadOnlyCollection<Type> exempt)
{
    private static readonly TimeSpan BetweenSearches = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();

    // Under _gate; the holders in the order in which they began to hold.
    private readonly LinkedList<IMessageHolder> _holders = new();
    private long _held;
    private long? _searched;

    public long BytesMax => bytesMax;

    /// <summary>What is taken now.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_gate)
                return _held;
        }
    }

    public bool Counts(Type service) => !exempt.Contains(service);

    public long Now => time.GetTimestamp();

    /// <summary>Changes one of the amounts that a holder has; false, and nothing is changed, where there are too few left. One that has left takes nothing.</summary>
    /// <param name="node">The holder's place, from its first change until it leaves.</param>
    /// <param name="held">The amount, bytes.</param>
    /// <param name="bytes">What it becomes.</param>
    public bool TryHold(LinkedListNode<IMessageHolder> node, ref long held, long bytes)
    {
        lock (_gate)
        {
            if (node.Value.HasLeft)
                return true;
            var more = bytes - held;
            if (more > 0 && _held + more > bytesMax)
            {
                CutOffOthers(node.Value);
                return false;
            }
            _held += more;
            Volatile.Write(ref held, bytes);
            if (node.List is null)
                _holders.AddLast(node);
            return true;
        }
    }

    /// <summary>Takes back all that a holder has; afterwards it isn't asked any more. Once or more.</summary>
    public void Leave(LinkedListNode<IMessageHolder> node)
    {
        lock (_gate)
        {
            _held -= node.Value.Leave();
            if (node.List is not null)
                _holders.Remove(node);
        }
    }

    // What they have comes back when their calls have ended, in a moment.
    private void CutOffOthers(IMessageHolder asker)
    {
        if (_searched is { } last && time.GetElapsedTime(last) < BetweenSearches)
            return;
        _searched = time.GetTimestamp();
        for (LinkedListNode<IMessageHolder>? node = _holders.First, next; node is not null; node = next)
        {
            next = node.Next;
            if (node.Value != asker && node.Value.HasStopped(time))
                node.Value.CutOff();
        }
    }
}

/// <summary>Who takes of a <see cref="MessageBudget"/>; asked under the budget's lock.</summary>
internal interface IMessageHolder
{
    /// <summary>Whether it waits for its client, and has for too long.</summary>
    bool HasStopped(TimeProvider time);

    /// <summary>Ends the call.</summary>
    void CutOff();

    /// <summary>Whether its call is over.</summary>
    bool HasLeft { get; }

    /// <summary>Its call is over; what it had until now, bytes.</summary>
    long Leave();
}
