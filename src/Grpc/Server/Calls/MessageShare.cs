using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>
/// One call's part of a <see cref="MessageBudget"/>: its last request from when its length is known, and its last response until it has left. One reader and one writer.
/// </summary>
internal sealed class MessageShare : IMessageHolder, IGrowth, IDisposable
{
    /// <summary>The transport's block. Half a request counts at least so much; a whole one of up to so much, which is taken at once, and a response of up to so much, for which nobody waits, count nothing.</summary>
    private const int BlockBytes = 64 * 1024;

    // A request of which nothing comes for so long, and a response that leaves more slowly, give way to calls that find too few bytes left.
    private static readonly TimeSpan RequestPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ResponseGrace = TimeSpan.FromSeconds(30);
    private const int LeastBytesASecond = 256 * 1024;

    private readonly MessageBudget _budget;
    private readonly HttpContext _http;
    private readonly LinkedListNode<IMessageHolder> _node;
    private long _requestBytes;
    private long _responseBytes;
    private long _movedAt;
    private volatile bool _isInWork;
    private volatile bool _isOver;

    public MessageShare(MessageBudget budget, HttpContext http)
    {
        (_budget, _http) = (budget, http);
        _node = new LinkedListNode<IMessageHolder>(this);
    }

    public bool HasResponse => _responseBytes > 0;

    public long MovedAt => Volatile.Read(ref _movedAt);

    public TimeSpan Patience => _isInWork ? TimeSpan.MaxValue
        : Volatile.Read(ref _responseBytes) is > 0 and var bytes ? ResponseGrace + TimeSpan.FromSeconds((double)bytes / LeastBytesASecond)
        : RequestPatience;

    /// <summary>Some of a request of so many bytes has arrived, or they have been made of it. All of them are taken at once: a call that has begun to send can end.</summary>
    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void HoldRequest(long bytes, bool isWhole)
    {
        Hold(ref _requestBytes, isWhole && bytes <= BlockBytes ? 0 : Math.Max(bytes, BlockBytes), "request");
        _isInWork = isWhole;
    }

    void IGrowth.Grow(long bytes) => HoldRequest(bytes, isWhole: true);

    /// <summary>The service will send, or sends, a response of so many bytes.</summary>
    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void HoldResponse(long bytes) => Hold(ref _responseBytes, bytes > BlockBytes ? bytes : 0, "response");

    /// <summary>The response is on its way.</summary>
    public void Leaves()
    {
        Volatile.Write(ref _movedAt, _budget.Now);
        _isInWork = false;
    }

    /// <summary>Called under the budget's lock, without which the context doesn't become another call's.</summary>
    public void CutOff() => _http.Abort();

    public void Dispose()
    {
        _isOver = true;
        var held = Interlocked.Exchange(ref _requestBytes, 0) + Interlocked.Exchange(ref _responseBytes, 0);
        _budget.TryTake(_node, -held, isLast: true);
    }

    private void Hold(ref long held, long bytes, string what)
    {
        Volatile.Write(ref _movedAt, _budget.Now);
        if (bytes == held || _isOver)
            return;
        if (!_budget.TryTake(_node, bytes - held, isLast: false))
        {
            throw MessageFraming.Failure(
                StatusCode.ResourceExhausted,
                $"The messages of the calls under way may have {_budget.BytesMax} bytes together, which leaves too few for a {what} of {bytes} bytes; try again later, or send and ask for less at a time.");
        }
        Volatile.Write(ref held, bytes);
    }
}
