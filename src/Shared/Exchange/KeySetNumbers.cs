namespace DistSgd.Shared.Exchange;

/// <summary>
/// Which key sets the server of a stream keeps, and under which numbers: the client alone decides, so that both ends always agree. Within the
/// granted bounds the sets used longest ago make room. One thread at a time.
/// </summary>
internal sealed class KeySetNumbers
{
    private readonly Dictionary<(KeySet Keys, int Start, int Count), uint> _numbers = [];

    // By number; the list of uses runs from the sentinel 0 (next: used last) round to it (previous: used longest ago).
    private readonly List<Entry> _entries = [new Entry()];
    private readonly Stack<uint> _free = new();
    private long _setsMax;
    private long _bytesMax;
    private long _bytes;

    /// <summary>Forgets all and takes new bounds: a new stream.</summary>
    /// <param name="setsMax">Numbers 1 to this may be used.</param>
    /// <param name="bytesMax">Bytes of all sets kept, at 4 a key.</param>
    public void Reset(long setsMax, long bytesMax)
    {
        _numbers.Clear();
        _entries.Clear();
        _entries.Add(new Entry());
        _free.Clear();
        (_setsMax, _bytesMax, _bytes) = (setsMax, bytesMax, 0);
    }

    /// <summary>Says how a list is sent.</summary>
    /// <param name="keys">A list.</param>
    /// <param name="start">First place.</param>
    /// <param name="count">Number of places.</param>
    /// <param name="inUse">A number that must not change its meaning now; 0 for none.</param>
    /// <returns>Its number, 0 if it isn't kept; and whether the keys must be sent.</returns>
    public (uint Set, bool IsListed) Use(KeySet keys, int start, int count, uint inUse)
    {
        if (_numbers.TryGetValue((keys, start, count), out uint known))
        {
            Unlink(known);
            Link(known);
            return (known, false);
        }
        long bytes = sizeof(uint) * (long)count;
        if (bytes > _bytesMax || _setsMax == 0)
            return (0, true);
        while (_bytes + bytes > _bytesMax || _free.Count == 0 && _entries.Count > _setsMax)
        {
            uint oldest = _entries[0].Previous;
            if (oldest == inUse)
                return (0, true);
            Forget(oldest);
        }
        if (!_free.TryPop(out uint number))
        {
            number = (uint)_entries.Count;
            _entries.Add(new Entry());
        }
        _entries[(int)number].Key = (keys, start, count);
        _numbers.Add((keys, start, count), number);
        _bytes += bytes;
        Link(number);
        return (number, true);
    }

    /// <summary>The server doesn't keep this number, or needn't.</summary>
    public void Forget(uint number)
    {
        if (number == 0 || number >= _entries.Count || _entries[(int)number].Key.Keys is null)
            return;
        Entry entry = _entries[(int)number];
        Unlink(number);
        _numbers.Remove(entry.Key);
        _bytes -= sizeof(uint) * (long)entry.Key.Count;
        entry.Key = default;
        _free.Push(number);
    }

    private void Link(uint number)
    {
        uint first = _entries[0].Next;
        (_entries[(int)number].Previous, _entries[(int)number].Next) = (0, first);
        _entries[(int)first].Previous = number;
        _entries[0].Next = number;
    }

    private void Unlink(uint number)
    {
        Entry entry = _entries[(int)number];
        _entries[(int)entry.Previous].Next = entry.Next;
        _entries[(int)entry.Next].Previous = entry.Previous;
    }

    private sealed class Entry
    {
        public (KeySet Keys, int Start, int Count) Key;
        public uint Previous;
        public uint Next;
    }
}
