namespace Grpc.Net.Client.Http2;

/// <summary>Error codes (RFC 9113 §7).</summary>
internal enum Http2Error : uint
{
    NoError = 0,
    ProtocolError = 1,
    InternalError = 2,
    FlowControlError = 3,
    SettingsTimeout = 4,
    StreamClosed = 5,
    FrameSizeError = 6,
    RefusedStream = 7,
    Cancel = 8,
    CompressionError = 9,
    ConnectError = 10,
    EnhanceYourCalm = 11,
    InadequateSecurity = 12,
    Http11Required = 13,
}

/// <summary>The server reset one stream.</summary>
internal sealed class StreamResetException(Http2Error error) : IOException($"RST_STREAM with {error} (0x{(uint)error:x}).")
{
    public Http2Error Error => error;
}

/// <summary>The server did nothing with a stream and won't: it may be opened again on another connection.</summary>
internal sealed class StreamRefusedException(string message) : IOException(message);

/// <summary>The server ended its side of a stream, so that nothing more is to be sent on it.</summary>
internal sealed class StreamEndedException() : IOException("The server has ended the call.");

/// <summary>The connection ended, by whichever side, while streams were open on it.</summary>
internal sealed class ConnectionLostException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The server sent what HTTP/2 doesn't allow.</summary>
/// <param name="error">What the server is told.</param>
/// <param name="message">What was wrong, a sentence.</param>
internal sealed class ProtocolViolationException(Http2Error error, string message) : IOException(message)
{
    public Http2Error Error => error;
}
