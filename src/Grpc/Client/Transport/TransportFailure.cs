using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;
using Grpc.Net.Client.Http2;

namespace Grpc.Net.Client.Transport;

/// <summary>Turns exceptions of HTTP into statuses (gRPC over HTTP/2, "HTTP2 Transport Mapping", "Errors").</summary>
internal static class TransportFailure
{
    public static Status Explain(string server, Exception exception)
    {
        if (ExplainHttp2(server, exception) is { } known)
            return known;
        if (Find<HttpProtocolException>(exception) is { } protocol)
            return ExplainProtocol(server, protocol);
        if (Find<SocketException>(exception) is { } socket)
            return new Status(StatusCode.Unavailable, $"The server at {server} can't be reached: {socket.Message} ({socket.SocketErrorCode}).", exception);
        if (Find<AuthenticationException>(exception) is { } tls)
            return new Status(StatusCode.Unavailable, $"TLS with the server at {server} failed: {Innermost(tls).Message}", exception);
        // The handler closed the connection on what came first, and was still sending its own beginning.
        if (exception is HttpRequestException { InnerException: IOException { InnerException: ObjectDisposedException } handshake })
            return NoHttp2(server, handshake.Message, exception);
        if (Find<HttpIOException>(exception) is not null)
            return new Status(StatusCode.Unavailable, $"The connection to {server} broke during the call: {Innermost(exception).Message}", exception);
        return exception switch
        {
            HttpRequestException or TimeoutException => new Status(
                StatusCode.Unavailable, $"The call to {server} failed: {Innermost(exception).Message}", exception),
            IOException => new Status(
                StatusCode.Unavailable, $"The connection to {server} broke during the call: {Innermost(exception).Message}", exception),
            OperationCanceledException => new Status(StatusCode.Unavailable, $"The connection to {server} was given up: {exception.Message}", exception),
            _ => new Status(StatusCode.Internal, $"The call to {server} failed: {exception.GetType().Name}: {exception.Message}", exception),
        };
    }

    /// <summary>What this runtime's own HTTP/2 throws; null for anything else.</summary>
    private static Status? ExplainHttp2(string server, Exception exception) => exception switch
    {
        StreamResetException reset => new Status(OfReset((long)reset.Error), $"The server at {server} reset the call: {reset.Message}", exception),
        StreamRefusedException => new Status(StatusCode.Unavailable, $"The server at {server} took no call: {exception.Message}", exception),
        ProtocolViolationException => new Status(StatusCode.Unavailable, $"The server at {server} doesn't speak HTTP/2 as it should: {exception.Message}", exception),
        ConnectionLostException => new Status(StatusCode.Unavailable, $"The connection to {server} broke during the call: {exception.Message}", exception),
        StreamEndedException => new Status(StatusCode.Unknown, $"The server at {server} ended the call before it was complete; its status hasn't been read.", exception),
        _ => null,
    };

    /// <summary>Only the text tells a reset of the one stream from the end of the whole connection.</summary>
    private static Status ExplainProtocol(string server, HttpProtocolException exception) =>
        exception.Message.StartsWith("The HTTP/2 server reset the stream", StringComparison.Ordinal)
            ? new Status(OfReset(exception.ErrorCode), $"The server at {server} reset the call: {exception.Message}", exception)
            : NoHttp2(server, exception.Message, exception);

    private static Status NoHttp2(string server, string reason, Exception exception) =>
        new(StatusCode.Unavailable, $"The server at {server} doesn't speak HTTP/2 as it should, or ended the connection: {reason}", exception);

    /// <summary>The status of an HTTP response that isn't gRPC's 200 (doc/http-grpc-status-mapping.md).</summary>
    public static StatusCode OfHttpStatus(int httpStatus) => httpStatus switch
    {
        400 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    /// <summary>The status of an HTTP/2 error code (RFC 9113 §7) in a reset.</summary>
    private static StatusCode OfReset(long errorCode) => errorCode switch
    {
        0x7 => StatusCode.Unavailable, // REFUSED_STREAM: the server did nothing with it
        0x8 => StatusCode.Cancelled, // CANCEL
        0xb => StatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        0xc => StatusCode.PermissionDenied, // INADEQUATE_SECURITY
        _ => StatusCode.Internal,
    };

    private static T? Find<T>(Exception? exception)
        where T : Exception
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is T found)
                return found;
        }
        return null;
    }

    private static Exception Innermost(Exception exception) => exception.GetBaseException();
}
