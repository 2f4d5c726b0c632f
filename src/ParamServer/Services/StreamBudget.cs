using DistSgd.Shared.Wire;

namespace DistSgd.ParamServer.Services;

/// <summary>
/// What all streams of a server may hold together. A stream reserves its share when it is welcomed and gives it back at its end, so that
/// neither slow readers nor floods of pushes take more. Any thread.
/// </summary>
/// <param name="limits">Bounds.</param>
public sealed class StreamBudget(ServerLimits limits)
{
    // A message, its two decoded lists of keys, an answer and the answers before it that aren't flushed yet.
    private const int SharesOfAnExchange = 5;
    private const uint KeySetsMax = 65_536;

    // A set takes some 110 bytes of objects besides its keys: so many bytes of keys for each make that small, and an eighth more is reserved.
    private const int KeysBytesOfASet = 1024;
    private const int ObjectsPart = 8;

    // A stream's key sets take at most one part of what is left for them, so that later ones get some too.
    private const int KeySetParts = 4;

    private readonly Lock _gate = new();
    private long _reserved;
    private int _streams;

    /// <summary>Bytes reserved.</summary>
    public long Reserved
    {
        get
        {
            lock (_gate)
                return _reserved;
        }
    }

    /// <summary>Reserves for one stream; false if there is too little left.</summary>
    /// <param name="wanted">What its client would like; 0 where it doesn't say.</param>
    /// <param name="granted">What it gets.</param>
    /// <param name="reserved">To be given back.</param>
    public bool TryReserve(in StreamCredit wanted, out StreamCredit granted, out long reserved)
    {
        lock (_gate)
        {
            long own = SharesOfAnExchange * (long)limits.StreamExchangeBytesMax;
            long left = limits.StreamMemoryBytesMax - _reserved - own;
            // Half of the memory is kept for streams themselves: key sets only save bytes, a stream that is refused is a worker without work.
            long kept = Math.Max(0, Math.Min(limits.StreamsMax, limits.StreamMemoryBytesMax / 2 / own) - _streams - 1) * own;
            long keySets = Math.Max(0, Math.Min(OrMax(wanted.KeySetBytes, limits.StreamKeySetBytesMax), (left - kept) / KeySetParts * ObjectsPart / (ObjectsPart + 1)));
            long keySetCount = Math.Min(OrMax(wanted.KeySets, KeySetsMax), keySets / KeysBytesOfASet);
            granted = new StreamCredit((uint)OrMax(wanted.Exchanges, limits.StreamExchangesMax), OrMax(wanted.Bytes, limits.StreamBytesMax),
                (uint)keySetCount, keySets, limits.StreamExchangeBytesMax);
            reserved = left < 0 ? 0 : own + keySets + keySets / ObjectsPart;
            _reserved += reserved;
            _streams += left < 0 ? 0 : 1;
            return left >= 0;
        }
    }

    /// <summary>Gives back what a stream had.</summary>
    public void Release(long reserved)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            _streams -= reserved > 0 ? 1 : 0;
        }
    }

    private static long OrMax(long wanted, long max) => wanted == 0 ? max : Math.Min(wanted, max);
}
