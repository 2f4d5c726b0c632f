using DistSgd.Shared.Wire;

namespace DistSgd.ParamServer.Services;

/// <summary>
/// What all streams of a server may hold together. A stream reserves its share when it is welcomed and gives it back at its end, so that
/// neither slow readers nor floods of pushes take more. Where there is too little left for another, those that haven't moved for long are ended: a client
/// opens another when it has work. Any thread.
/// </summary>
/// <param name="limits">Bounds.</param>
/// <param name="time">Time.</param>
public sealed class StreamBudget(ServerLimits limits, TimeProvider time)
{
    // A message, its two decoded lists of keys, an answer and the answers before it that aren't flushed yet.
    private const int SharesOfAnExchange = 5;
    private const uint KeySetsMax = 65_536;

    // A set takes some 110 bytes of objects besides its keys: so many bytes of keys for each make that small, and an eighth more is reserved.
    private const int KeysBytesOfASet = 1024;
    private const int ObjectsPart = 8;

    // A stream's key sets take at most one part of what is left for them, so that later ones get some too.
    private const int KeySetParts = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();

    // Under _gate: all streams, and the number of those that have reserved.
    private readonly HashSet<IStreamHolder> _holders = [];
    private int _reservers;
    private long _reserved;

    /// <summary>Bytes reserved.</summary>
    public long Reserved
    {
        get
        {
            lock (_gate)
                return _reserved;
        }
    }

    /// <summary>A stream is opened; false if there are too many.</summary>
    internal bool TryOpen(IStreamHolder holder)
    {
        lock (_gate)
        {
            if (_holders.Count < limits.StreamsMax)
                return _holders.Add(holder);
            EndStill();
            return false;
        }
    }

    /// <summary>Reserves for one stream; false if there is too little left.</summary>
    /// <param name="holder">The stream.</param>
    /// <param name="wanted">What its client would like; 0 where it doesn't say.</param>
    /// <param name="granted">What it gets.</param>
    /// <param name="reserved">To be given back.</param>
    internal bool TryReserve(IStreamHolder holder, in StreamCredit wanted, out StreamCredit granted, out long reserved)
    {
        lock (_gate)
        {
            long own = SharesOfAnExchange * (long)limits.StreamExchangeBytesMax;
            long left = limits.StreamMemoryBytesMax - _reserved - own;
            // Half of the memory is kept for streams themselves: key sets only save bytes, a stream that is refused is a worker without work.
            long kept = Math.Max(0, Math.Min(limits.StreamsMax, limits.StreamMemoryBytesMax / 2 / own) - _reservers - 1) * own;
            long keySets = Math.Max(0, Math.Min(OrMax(wanted.KeySetBytes, limits.StreamKeySetBytesMax), (left - kept) / KeySetParts * ObjectsPart / (ObjectsPart + 1)));
            long keySetCount = Math.Min(OrMax(wanted.KeySets, KeySetsMax), keySets / KeysBytesOfASet);
            granted = new StreamCredit((uint)OrMax(wanted.Exchanges, limits.StreamExchangesMax), OrMax(wanted.Bytes, limits.StreamBytesMax),
                (uint)keySetCount, keySets, limits.StreamExchangeBytesMax);
            reserved = 0;
            if (left < 0)
            {
                EndStill();
                return false;
            }
            reserved = own + keySets + keySets / ObjectsPart;
            _reserved += reserved;
            _reservers++;
            return true;
        }
    }

    /// <summary>A stream ends: gives back what it had.</summary>
    internal void Release(IStreamHolder holder, long reserved)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            _reservers -= reserved > 0 ? 1 : 0;
            _holders.Remove(holder);
        }
    }

    private void EndStill()
    {
        foreach (IStreamHolder still in _holders.Where(other => time.GetElapsedTime(other.MovedAt) > Patience).ToArray())
            still.GiveWay();
    }

    private static long OrMax(long wanted, long max) => wanted == 0 ? max : Math.Min(wanted, max);
}

/// <summary>A stream; asked under the budget's lock.</summary>
internal interface IStreamHolder
{
    /// <summary>When it last read or wrote a message, as <see cref="TimeProvider.GetTimestamp"/>.</summary>
    long MovedAt { get; }

    /// <summary>Ends it.</summary>
    void GiveWay();
}
