using Grpc.Core;
using Grpc.Wire;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>
/// One call's part of a <see cref="MessageBudget"/>: its last request and its last response, from the moment that their lengths are known. One reader and
/// one writer.
/// </summary>
internal sealed class MessageShare(MessageBudget budget) : IDisposable
{
    /// <summary>Messages up to here count nothing: what a connection's windows hold anyway.</summary>
    private const int FreeBytes = 64 * 1024;

    private long _requestBytes;
    private long _responseBytes;

    public bool HasResponse => _responseBytes > 0;

    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void HoldRequest(long bytes) => Hold(ref _requestBytes, bytes, "request");

    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public void HoldResponse(long bytes) => Hold(ref _responseBytes, bytes, "response");

    public void Dispose() => budget.Return(Interlocked.Exchange(ref _requestBytes, 0) + Interlocked.Exchange(ref _responseBytes, 0));

    private void Hold(ref long held, long bytes, string what)
    {
        bytes = bytes > FreeBytes ? bytes : 0;
        var more = bytes - held;
        if (more > 0 && !budget.TryTake(more))
        {
            throw MessageFraming.Failure(
                StatusCode.ResourceExhausted,
                $"The messages of the calls under way may have {budget.BytesMax} bytes together, which leaves too few for a {what} of {bytes} bytes; try again later, or send and ask for less at a time.");
        }
        if (more < 0)
            budget.Return(-more);
        held = bytes;
    }
}
