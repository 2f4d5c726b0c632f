using System.Diagnostics.CodeAnalysis;

namespace Grpc.Net.Client.Http2;

/// <summary>The streams of a connection that are open, by their number. Under the connection's gate.</summary>
/// <param name="firstId">The number of the first stream: odd.</param>
internal sealed class StreamTable(int firstId = 1)
{
    private readonly Dictionary<int, Http2Stream> _streams = [];

    /// <summary>The number of the next stream; below 0 where all are used up (RFC 9113 §5.1.1).</summary>
    private int _nextId = firstId;

    /// <summary>Whether a stream was ever opened.</summary>
    public bool WasUsed { get; private set; }

    public int Count => _streams.Count;

    public IEnumerable<Http2Stream> All => _streams.Values;

    /// <summary>Whether there are no numbers left: another connection has.</summary>
    public bool IsUsedUp => _nextId < 0;

    /// <summary>Enters a stream; gives its number.</summary>
    public int Add(Http2Stream stream)
    {
        var id = _nextId;
        _streams.Add(id, stream);
        _nextId = unchecked(id + 2);
        WasUsed = true;
        return id;
    }

    /// <summary>Whether this very stream is open here; it may have ended, and be open on another connection by now.</summary>
    public bool Has(Http2Stream stream) => Has(stream, stream.Id);

    /// <summary>Whether this stream is open here under this number.</summary>
    public bool Has(Http2Stream stream, int id) => _streams.TryGetValue(id, out var open) && open == stream;

    /// <summary>The stream of a frame; false for one that has ended.</summary>
    /// <exception cref="ProtocolViolationException">It was never opened.</exception>
    public bool TryFind(int id, [MaybeNullWhen(false)] out Http2Stream stream)
    {
        if (_streams.TryGetValue(id, out stream))
            return true;
        var wasOpen = (id & 1) == 1 && (IsUsedUp || id < _nextId);
        return wasOpen ? false : throw new ProtocolViolationException(Http2Error.ProtocolError, $"It sent a frame on stream {id}, which was never opened.");
    }

    public void Remove(int id) => _streams.Remove(id);

    public void Clear() => _streams.Clear();
}
