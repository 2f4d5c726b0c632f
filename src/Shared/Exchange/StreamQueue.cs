using DistSgd.Shared.Wire;
using Grpc.Core;

namespace DistSgd.Shared.Exchange;

/// <summary>A piece that was sent.</summary>
/// <param name="Work">Of which work.</param>
/// <param name="Attempt">In which attempt.</param>
/// <param name="Piece">Which piece.</param>
/// <param name="Id">The exchange's id on the stream.</param>
/// <param name="Bytes">What it takes of the credit.</param>
/// <param name="PushSet">Number of the key set that it pushes to; 0 for none.</param>
/// <param name="PullSet">Number of the key set that it pulls; 0 for none.</param>
internal readonly record struct SentPiece(ShardWork Work, int Attempt, int Piece, ulong Id, long Bytes, uint PushSet, uint PullSet)
{
    /// <summary>False if the work was sent again, ended or gave up since.</summary>
    public bool IsCurrent => Work.Attempt == Attempt;
}

/// <summary>
/// What a stream still has to send and what it has sent without an answer: pure bookkeeping, all under the client's gate. Order is kept:
/// pieces are sent in the order of their works, answered in the order in which they were sent, and after a broken connection sent again in
/// the first order.
/// </summary>
/// <param name="server">The server's address, for messages.</param>
/// <param name="options">Deadlines.</param>
internal sealed class StreamQueue(string server, GrpcClientOptions options)
{
    // A message is closed when it is as large as this; a larger piece has a message of its own.
    private const int MessageBytes = 64 << 10;
    private const int MessagePiecesMax = 256;

    private readonly Queue<(ShardWork Work, int Attempt)> _unsent = new();
    private readonly Queue<SentPiece> _sent = new();
    private readonly List<ExchangeRound> _filled = [];
    private readonly KeySetNumbers _numbers = new();
    private StreamCredit _credit;
    private long _bytesUnderWay;
    private ulong _lastId;
    private long _answered;

    /// <summary>True if something was sent and not answered.</summary>
    public bool HasSent => _sent.Count > 0;

    /// <summary>True if something waits to be sent.</summary>
    public bool HasUnsent => _unsent.Count > 0;

    /// <summary>True if nothing is left to do.</summary>
    public bool IsEmpty => _unsent.Count == 0 && _sent.Count == 0;

    /// <summary>Takes a work up; false if there is nothing to do.</summary>
    public bool Add(ShardWork work)
    {
        if (!work.Round.IsLive || work.Pieces == work.Answered)
            return false;
        _unsent.Enqueue((work, work.Attempt));
        return true;
    }

    /// <summary>A stream was accepted.</summary>
    public void Connected(StreamCredit granted)
    {
        _credit = granted;
        _numbers.Reset(granted.KeySets, granted.KeySetBytes);
    }

    /// <summary>Puts what may be sent now into a message; false if that is nothing. The rounds in it are entered.</summary>
    public bool Fill(OutgoingExchanges message)
    {
        long bytes = 0;
        while (_unsent.TryPeek(out (ShardWork Work, int Attempt) next))
        {
            ShardWork work = next.Work;
            if (work.Attempt != next.Attempt)
            {
                _unsent.Dequeue();
                continue;
            }
            (long sent, long answered) = work.BytesMax(work.Sent);
            if (message.Count > 0 && (bytes + sent > MessageBytes || message.Count == MessagePiecesMax))
                break;
            long cost = sent + answered;
            if (_sent.Count > 0 && (_sent.Count >= _credit.Exchanges || _bytesUnderWay + cost > _credit.Bytes))
                break;
            ExchangePiece piece = work.Piece(work.Sent, ++_lastId, _numbers);
            message.Add(piece);
            _sent.Enqueue(new SentPiece(work, work.Attempt, work.Sent, piece.Id, cost, piece.PushKeys.Set, piece.PullKeys.Set));
            work.Round.Enter();
            _filled.Add(work.Round);
            bytes += sent;
            _bytesUnderWay += cost;
            if (++work.Sent == work.Pieces)
                _unsent.Dequeue();
        }
        return message.Count > 0;
    }

    /// <summary>The message was written: its rounds are left.</summary>
    public void LeaveFilled()
    {
        foreach (ExchangeRound round in _filled)
            round.Leave();
        _filled.Clear();
    }

    /// <summary>Takes the piece that an answer is for; false if nobody waits for it any more, or if it is of the wrong length.</summary>
    /// <exception cref="InvalidDataException">The answer isn't the next one.</exception>
    public bool TakeAnswer(ulong id, int valueBytes, out SentPiece sent)
    {
        sent = Take(id);
        _answered = options.Time.GetTimestamp();
        if (!sent.IsCurrent)
            return false;
        int expected = sent.Work.Destination(sent.Piece).Length;
        if (valueBytes == expected * sizeof(float))
            return true;
        string what = valueBytes % sizeof(float) == 0
            ? $"The server answered {valueBytes / sizeof(float)} values; {expected} were asked for."
            : $"Malformed answer of the server: values are {valueBytes} bytes long, not a multiple of 4.";
        sent.Work.Round.Fail(StreamFaults.Explain(server, sent.Work, new Status(StatusCode.Internal, what), options));
        return false;
    }

    /// <summary>Notes an answered piece.</summary>
    public static void Done(in SentPiece sent, long version, bool duplicate)
    {
        sent.Work.Answer(sent.Piece, version, duplicate);
        if (sent.Work.Answered == sent.Work.Pieces)
            sent.Work.Round.WorkDone();
    }

    /// <summary>Takes the piece that was refused; returns its work if it is to be sent again later.</summary>
    /// <exception cref="InvalidDataException">The answer isn't the next one.</exception>
    public ShardWork? TakeRefusal(ulong id, Status status)
    {
        SentPiece sent = Take(id);
        _numbers.Forget(sent.PushSet);
        _numbers.Forget(sent.PullSet);
        if (!sent.IsCurrent)
            return null;
        // A refused definition takes the sets away from exchanges that were already under way.
        bool hasLostSet = status.StatusCode == StatusCode.FailedPrecondition && (sent.PushSet | sent.PullSet) != 0;
        // Others may be answered meanwhile.
        sent.Work.RefusedSince ??= Since(sent.Work);
        return Again(sent.Work, status, StreamFaults.IsPassing(status.StatusCode) || hasLostSet, sent.Work.RefusedSince.Value) ? sent.Work : null;
    }

    /// <summary>
    /// The connection broke: what wasn't answered is to be sent again, in its order, or fails. Returns a work whose second failure this is, of
    /// which somebody should hear.
    /// </summary>
    public ShardWork? Broken(Status status, bool isClosing)
    {
        ShardWork? heard = null;
        bool isPassing = !isClosing && (StreamFaults.IsPassing(status.StatusCode) || status.StatusCode == StatusCode.Cancelled);
        int unsent = _unsent.Count;
        while (_sent.TryDequeue(out SentPiece sent))
        {
            if (sent.IsCurrent)
                SendAgain(sent.Work);
        }
        for (; unsent > 0; unsent--)
        {
            (ShardWork work, int attempt) = _unsent.Dequeue();
            if (work.Attempt == attempt)
                SendAgain(work);
        }
        _bytesUnderWay = 0;
        _numbers.Reset(0, 0);
        return heard;

        void SendAgain(ShardWork work)
        {
            if (!Again(work, status, isPassing, Since(work)))
                return;
            _unsent.Enqueue((work, work.Attempt));
            if (work.Failures == 2)
                heard ??= work;
        }
    }

    /// <summary>Ends everything.</summary>
    public void FailAll(Exception failure)
    {
        while (_sent.TryDequeue(out SentPiece sent))
        {
            if (sent.IsCurrent)
                sent.Work.Round.Fail(failure);
        }
        while (_unsent.TryDequeue(out (ShardWork Work, int Attempt) next))
        {
            if (next.Work.Attempt == next.Attempt)
                next.Work.Round.Fail(failure);
        }
    }

    private SentPiece Take(ulong id)
    {
        if (!_sent.TryDequeue(out SentPiece sent))
            throw new InvalidDataException($"it answers exchange {id}, but none is under way");
        if (sent.Id != id)
            throw new InvalidDataException($"it answers exchange {id} before {sent.Id}, which was sent first");
        _bytesUnderWay -= sent.Bytes;
        return sent;
    }

    // Since when a work has waited for a sign of life: an answer to it or to one before it.
    private long Since(ShardWork work) => Math.Max(work.Started, _answered);

    // Rewinds the work, or fails its round.
    private bool Again(ShardWork work, Status status, bool isPassing, long since)
    {
        if (!isPassing || options.Time.GetElapsedTime(since) >= options.RetryDeadline)
        {
            work.Round.Fail(StreamFaults.Explain(server, work, status, options));
            return false;
        }
        work.Rewind();
        work.Failures++;
        return true;
    }
}
