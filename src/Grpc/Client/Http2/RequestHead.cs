using Grpc.Core;
using Grpc.Net.Client.Transport;
using Grpc.Wire;

namespace Grpc.Net.Client.Http2;

/// <summary>Writes what a call's head says as a header block.</summary>
/// <param name="basePath">What stands before each method's path.</param>
/// <param name="authority">host:port, as the server is called.</param>
/// <param name="isSecure">Whether there is TLS.</param>
internal sealed class RequestHead(string basePath, string authority, bool isSecure)
{
    private const string Authorization = "authorization";
    private const string Cookie = "cookie";
    private const int TimeoutBytesMax = 16;

    // The protocol's own headers, without path and metadata: at most.
    private const int OwnBytesMax = 1024;

    private readonly string _scheme = isSecure ? "https" : "http";

    /// <summary>Refuses a call whose head the server wouldn't take, before anything is sent.</summary>
    /// <exception cref="RpcException">ResourceExhausted.</exception>
    public static void Check(in CallHead head, long limitBytes)
    {
        if (limitBytes >= int.MaxValue)
            return;
        var bytes = OwnBytesMax + head.Path.Length + SizeOf(head.Headers) + SizeOf(head.Credentials);
        if (bytes > limitBytes)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The call's headers have {bytes} bytes; the server takes at most {limitBytes}."));
    }

    public void Write(HpackEncoder encoder, OutgoingBuffer destination, in CallHead head)
    {
        encoder.Begin(destination);
        encoder.Write(destination, ":method", "POST");
        encoder.Write(destination, ":scheme", _scheme);
        encoder.Write(destination, ":path", basePath.Length == 0 ? head.Path : basePath + head.Path);
        encoder.Write(destination, ":authority", head.Host ?? authority);
        encoder.Write(destination, "content-type", WireNames.ContentType);
        encoder.Write(destination, "te", "trailers");
        encoder.Write(destination, "user-agent", WireNames.UserAgent);
        if (head.Timeout is { } timeout)
        {
            Span<byte> text = stackalloc byte[TimeoutBytesMax];
            encoder.WriteChanging(destination, WireNames.TimeoutHeader, text[..GrpcTimeout.Format(timeout, text)]);
        }
        if (head.Encoding is { } encoding)
            encoder.Write(destination, WireNames.EncodingHeader, encoding);
        encoder.Write(destination, WireNames.AcceptEncodingHeader, head.AcceptEncoding);
        for (var i = 0; i < head.Headers?.Count; i++)
            Write(encoder, destination, head.Headers[i], isSecret: head.Headers[i].Key is Authorization or Cookie);
        for (var i = 0; i < head.Credentials?.Count; i++)
            Write(encoder, destination, head.Credentials[i], isSecret: true);
    }

    private static void Write(HpackEncoder encoder, OutgoingBuffer destination, Metadata.Entry entry, bool isSecret)
    {
        if (MetadataHeaders.IsReserved(entry.Key))
            return;
        var value = MetadataHeaders.Encode(entry);
        if (isSecret)
            encoder.WriteSecret(destination, entry.Key, value);
        else
            encoder.Write(destination, entry.Key, value);
    }

    private static long SizeOf(Metadata? metadata)
    {
        long bytes = 0;
        for (var i = 0; i < metadata?.Count; i++)
        {
            var entry = metadata[i];
            bytes += entry.Key.Length + (entry.IsBinary ? (entry.ValueSpan.Length * 4 + 2) / 3 : entry.Value.Length) + HeaderField.OverheadBytes;
        }
        return bytes;
    }
}
