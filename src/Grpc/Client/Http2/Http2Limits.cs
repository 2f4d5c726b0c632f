namespace Grpc.Net.Client.Http2;

/// <summary>What this client lets a server send and hold, and what it holds itself.</summary>
internal static class Http2Limits
{
    /// <summary>What a response may run ahead of its reader, bytes.</summary>
    public const int StreamWindowBytes = 1024 * 1024;

    /// <summary>What all responses of a connection may have under way, bytes. It is given back on arrival: a slow reader holds up its own stream only.</summary>
    public const int ConnectionWindowBytes = 16 * 1024 * 1024;

    /// <summary>The largest frame taken. DATA is handed on as it arrives, so that its length costs no memory.</summary>
    public const int ReceivedFrameBytesMax = 1024 * 1024;

    /// <summary>The largest DATA frame sent, where the server's settings allow it.</summary>
    public const int SentFrameBytesMax = 1024 * 1024;

    /// <summary>The largest frame of another kind than DATA, and the largest header block.</summary>
    public const int HeaderBlockBytesMax = 64 * 1024;

    /// <summary>The largest header list: names, values, and 32 bytes for each (RFC 9113 §10.5.1).</summary>
    public const int HeaderListBytesMax = 64 * 1024;

    /// <summary>The table of headers that the server's encoder may use; the default of RFC 7541.</summary>
    public const int HeaderTableBytes = 4096;

    /// <summary>The default of every window before settings say otherwise (RFC 9113 §6.9.2).</summary>
    public const int DefaultWindowBytes = 65535;

    /// <summary>The default of the largest frame, and the least that it can be set to.</summary>
    public const int DefaultFrameBytesMax = 16 * 1024;

    /// <summary>Streams opened before the server's settings have come.</summary>
    public const int StreamsBeforeSettings = 100;

    /// <summary>Answers to pings and settings that may wait for the server to read; one that lets more wait is given up.</summary>
    public const int WaitingAnswersMax = 1000;

    /// <summary>
    /// Heads and resets of calls that may wait for a server to read, bytes: some 50,000 calls that were given up. A server that lets more wait is given
    /// up itself.
    /// </summary>
    public const int OutgoingBytesMax = 4 * 1024 * 1024;

    /// <summary>How often a call that no server did anything with is sent again.</summary>
    public const int RetriesMax = 3;
}
