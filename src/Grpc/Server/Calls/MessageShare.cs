using System.Numerics;
using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>
/// One call's part of a <see cref="MessageBudget"/>: of its last request what has arrived and as much again, and its last response until it has left. One reader and one writer.
/// </summary>
internal sealed class MessageShare : IMessageHolder, IGrowth, IDisposable
{
    /// <summary>The transport's block. Half a request, or one without its end, counts at least so much; a whole one of up to so much, which is taken at once, and a response of up to so much, for which nobody waits, count nothing.</summary>
    private const int BlockBytes = 64 * 1024;

    // Of a request something comes within the first, and so much as has come within the second and a second for each so many bytes, in which a response
    // leaves, too: what is slower gives way to calls that find too few bytes left.
    private static readonly TimeSpan StillMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);
    private const int LeastBytesASecond = 256 * 1024;

    private const int Http2Cancel = 8;

    private readonly MessageBudget _budget;
    private readonly HttpContext _http;
    private readonly LinkedListNode<IMessageHolder> _node;
    private long _requestBytes;
    private long _arrivedBytes;
    private long _responseBytes;

    // When the message that is under way began, and when some of it last came.
    private long _startedAt;
    private long _movedAt;
    private volatile bool _isInWork;

    public MessageShare(MessageBudget budget, HttpContext http)
    {
        (_budget, _http) = (budget, http);
        _node = new LinkedListNode<IMessageHolder>(this);
        _startedAt = _movedAt = budget.Now;
    }

    /// <summary>Under the budget's lock, so that a reader or writer whom the service left behind takes nothing for a call that is over.</summary>
    public bool HasLeft { get; private set; }

    public bool HasResponse => Volatile.Read(ref _responseBytes) > 0;

    public bool HasStopped(TimeProvider time)
    {
        var isLeaving = HasResponse;
        if (_isInWork || !isLeaving && Volatile.Read(ref _requestBytes) == 0)
            return false;
        var bytes = isLeaving ? Volatile.Read(ref _responseBytes) : Volatile.Read(ref _arrivedBytes);
        return time.GetElapsedTime(Volatile.Read(ref _startedAt)) > Grace + TimeSpan.FromSeconds((double)bytes / LeastBytesASecond)
            || !isLeaving && time.GetElapsedTime(Volatile.Read(ref _movedAt)) > StillMax;
    }

    /// <summary>The next request is waited for: the last one is done with.</summary>
    public void AwaitsRequest()
    {
        Moves();
        Volatile.Write(ref _arrivedBytes, 0);
        Hold(ref _requestBytes, 0, "request", 0);
    }

    /// <summary>
    /// Some of a request of so many bytes has arrived. What is held doubles as it arrives: an announcement alone keeps nobody out, and of many calls that fill the
    /// memory together, those that are refused leave room for the others when they are half done.
    /// </summary>
    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void HoldRequest(long bytes, long arrivedBytes)
    {
        // Its time begins with its first bytes, for which a client may take as long as it likes.
        if (Volatile.Read(ref _arrivedBytes) == 0)
            Volatile.Write(ref _startedAt, _budget.Now);
        Volatile.Write(ref _arrivedBytes, arrivedBytes);
        var isWhole = arrivedBytes >= bytes;
        var doubled = Math.Min(bytes, (long)BitOperations.RoundUpToPowerOf2((ulong)arrivedBytes + 1));
        Hold(ref _requestBytes, isWhole && bytes <= BlockBytes ? 0 : Math.Max(isWhole ? bytes : doubled, BlockBytes), "request", bytes);
    }

    /// <summary>The request is whole but for its end, for which its client is waited for: meanwhile it counts, however small.</summary>
    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void AwaitsEnd()
    {
        if (Volatile.Read(ref _requestBytes) == 0)
            Hold(ref _requestBytes, BlockBytes, "request", BlockBytes);
    }

    /// <summary>The end has come.</summary>
    public void HasEnd()
    {
        if (Volatile.Read(ref _requestBytes) == BlockBytes)
            Hold(ref _requestBytes, 0, "request", 0);
    }

    void IGrowth.Grow(long bytes) => HoldRequest(bytes, bytes);

    /// <summary>The service has its request: until its response leaves nobody waits for the client.</summary>
    public void Works() => _isInWork = true;

    /// <summary>The service will send, or sends, a response of so many bytes.</summary>
    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void HoldResponse(long bytes) => Hold(ref _responseBytes, bytes > BlockBytes ? bytes : 0, "response", bytes);

    /// <summary>A message begins its way, from or to the client.</summary>
    public void Moves()
    {
        Volatile.Write(ref _startedAt, _budget.Now);
        Volatile.Write(ref _movedAt, _budget.Now);
        _isInWork = false;
    }

    /// <summary>A message of a stream has left; the service goes on.</summary>
    public void Left()
    {
        Hold(ref _responseBytes, 0, "response", 0);
        _isInWork = true;
    }

    /// <summary>Resets the call. By another thread only under the budget's lock, without which the context doesn't become another call's.</summary>
    public void CutOff() => _http.Features.Get<IHttpResetFeature>()?.Reset(Http2Cancel);

    public void Dispose() => _budget.Leave(_node);

    long IMessageHolder.Leave()
    {
        HasLeft = true;
        return Interlocked.Exchange(ref _requestBytes, 0) + Interlocked.Exchange(ref _responseBytes, 0);
    }

    private void Hold(ref long held, long bytes, string what, long messageBytes)
    {
        Volatile.Write(ref _movedAt, _budget.Now);
        if (bytes == Volatile.Read(ref held))
            return;
        if (!_budget.TryHold(_node, ref held, bytes))
        {
            throw MessageFraming.Failure(
                StatusCode.ResourceExhausted,
                $"The messages of the calls under way may have {_budget.BytesMax} bytes together, which leaves too few for a {what} of {messageBytes} bytes; try again later, or send and ask for less at a time.");
        }
    }
}
