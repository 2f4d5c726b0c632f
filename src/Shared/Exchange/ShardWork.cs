using DistSgd.Shared.Wire;

namespace DistSgd.Shared.Exchange;

/// <summary>
/// One shard's part of a round: the push and the pull, cut into the pieces that are sent. Everything here is written and read under the
/// client's gate.
/// </summary>
internal sealed class ShardWork(ExchangeRound round, ShardPlacement placement, KeyFloats floats)
{
    private const int ChunkFloats = ParametersContract.ChunkBytes / sizeof(float);

    private (int Start, int Count, int Stride) _push;
    private (int Start, int Count, int Stride) _pull;
    private int _pushParts;
    private int _pullParts;
    private PushHeader _header;

    /// <summary>The round.</summary>
    public ExchangeRound Round => round;

    /// <summary>The shard.</summary>
    public ShardPlacement Placement => placement;

    /// <summary>Number of pieces; 0 if there is nothing to do.</summary>
    public int Pieces { get; private set; }

    /// <summary>
    /// Counts up whenever what is queued or sent of this work loses its meaning: queues hold it beside the work, and entries with an older
    /// one are passed over. Never reset.
    /// </summary>
    public int Attempt { get; set; }

    /// <summary>Pieces sent in this attempt. Answered ≤ Sent ≤ Pieces.</summary>
    public int Sent { get; set; }

    /// <summary>Pieces answered, in order.</summary>
    public int Answered { get; private set; }

    /// <summary>How often it was refused for now or its connection broke.</summary>
    public int Failures { get; set; }

    /// <summary>When it was handed in.</summary>
    public long Started { get; private set; }

    /// <summary>Since when it has been refused for now; null while it isn't, and again with each answer.</summary>
    public long? RefusedSince { get; set; }

    /// <summary>Bytes of keys and values pushed.</summary>
    public long PushedBytes { get; private set; }

    /// <summary>Bytes of values pulled.</summary>
    public long PulledBytes => (long)_pull.Count * _pull.Stride * sizeof(float);

    /// <summary>Takes up a new round.</summary>
    public void Begin(ParameterExchange exchange, long now)
    {
        (Attempt, Sent, Answered, Failures, Started) = (Attempt + 1, 0, 0, 0, now);
        (_push, _pull, _pushParts, _pullParts, PushedBytes, RefusedSince) = (default, default, 0, 0, 0, null);
        if (exchange.PushKeys is { } pushKeys)
        {
            _push = Cut(pushKeys, floats.Of(exchange.PushKind), out _pushParts);
            _header = new PushHeader(exchange.PushName, exchange.PushKind, exchange.Step, exchange.RateSum, exchange.ReadVersions[placement.Shard]);
            PushedBytes = (long)_push.Count * (_push.Stride * sizeof(float) + (pushKeys.IsRange ? 0 : sizeof(uint)));
        }
        if (exchange.PullKeys is { } pullKeys)
            _pull = Cut(pullKeys, floats.Of(exchange.PullPart), out _pullParts);
        Pieces = _pushParts <= 1 && _pullParts <= 1 ? Math.Max(_pushParts, _pullParts) : _pushParts + _pullParts;
    }

    /// <summary>Makes sent pieces unsent, from the first that isn't answered on.</summary>
    public void Rewind()
    {
        Attempt++;
        Sent = Answered;
    }

    /// <summary>True if the push is cut into several parts.</summary>
    public bool IsPushCut => _pushParts > 1;

    /// <summary>The values that this work pushes.</summary>
    public ReadOnlyMemory<float> PushValues => round.Exchange!.PushValues.Slice(_push.Start * _push.Stride, _push.Count * _push.Stride);

    /// <summary>Most bytes that a piece, and its answer's values, can take on the wire.</summary>
    public (long Sent, long Answered) BytesMax(int piece)
    {
        const int Frame = 160;
        (int pushKeys, int pullKeys) = (Count(_push, PushPart(piece)), Count(_pull, PullPartOf(piece)));
        ParameterExchange exchange = round.Exchange!;
        return (Frame + (long)pushKeys * _push.Stride * sizeof(float) + ListBytes(exchange.PushKeys, pushKeys) + ListBytes(exchange.PullKeys, pullKeys),
            (long)pullKeys * _pull.Stride * sizeof(float));
    }

    /// <summary>Fills in what a piece sends; lists are given numbers.</summary>
    public ExchangePiece Piece(int piece, ulong id, KeySetNumbers numbers)
    {
        ParameterExchange exchange = round.Exchange!;
        var frame = new ExchangePiece { Id = id, Shard = placement.Shard, ShardFirst = placement.Keys.First };
        if (PushPart(piece) is >= 0 and var part)
        {
            (int start, int count) = (Start(_push, part), Count(_push, part));
            frame.PushKeys = Keys(exchange.PushKeys!, start, count, numbers, inUse: 0);
            frame.Push = _pushParts > 1 ? _header with { Part = part, Parts = _pushParts } : _header;
            frame.Values = exchange.PushValues.Slice(start * _push.Stride, count * _push.Stride);
        }
        if (PullPartOf(piece) is >= 0 and var pull)
        {
            (int start, int count) = (Start(_pull, pull), Count(_pull, pull));
            frame.PullKeys = Keys(exchange.PullKeys!, start, count, numbers, frame.PushKeys.Set);
            frame.Part = exchange.PullPart;
        }
        return frame;
    }

    /// <summary>Where a piece's pulled values go.</summary>
    public Memory<float> Destination(int piece)
    {
        int part = PullPartOf(piece);
        return part < 0 ? default : round.Exchange!.Pulled.Slice(Start(_pull, part) * _pull.Stride, Count(_pull, part) * _pull.Stride);
    }

    /// <summary>Notes an answer.</summary>
    public void Answer(int piece, long version, bool duplicate)
    {
        Answered++;
        RefusedSince = null;
        // All parts but the last may have been applied in an earlier attempt of the same push.
        if (PushPart(piece) is >= 0 and var part && part == _pushParts - 1)
            round.Exchange!.Duplicate |= duplicate;
        if (PullPartOf(piece) == 0 || _pullParts == 0)
            round.Exchange!.PulledVersions[placement.Shard] = version;
    }

    private (int Start, int Count, int Stride) Cut(KeySet keys, int stride, out int parts)
    {
        (int start, int count) = keys.Within(placement.Keys);
        int chunk = ChunkKeys(stride);
        parts = Math.Max(1, (count + chunk - 1) / chunk);
        return (start, count, stride);
    }

    // The push's part, or the pull's, that a piece holds; −1 for none.
    private int PushPart(int piece) => piece < _pushParts ? piece : -1;

    private int PullPartOf(int piece)
    {
        int part = Pieces == 1 ? piece : piece - _pushParts;
        return part >= 0 && part < _pullParts ? part : -1;
    }

    private static int Start((int Start, int Count, int Stride) all, int part) => all.Start + part * ChunkKeys(all.Stride);

    private static int Count((int Start, int Count, int Stride) all, int part) =>
        part < 0 ? 0 : Math.Min(ChunkKeys(all.Stride), all.Count - part * ChunkKeys(all.Stride));

    private static int ChunkKeys(int stride) => Math.Max(1, ChunkFloats / Math.Max(1, stride));

    private static long ListBytes(KeySet? keys, int count) => keys is null or { IsRange: true } ? 0 : KeyCoding.BytesMax(count);

    private static PieceKeys Keys(KeySet keys, int start, int count, KeySetNumbers numbers, uint inUse)
    {
        if (keys.IsRange || count == 0)
            return new PieceKeys(keys, start, count, 0, false);
        (uint set, bool isListed) = numbers.Use(keys, start, count, inUse);
        return new PieceKeys(keys, start, count, set, isListed);
    }
}
