using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client.Transport;
using Grpc.Wire;

namespace Grpc.Net.Client;

/// <summary>Reads a call's status from what the server sent.</summary>
internal static class ResponseStatus
{
    /// <summary>The status, where the head already tells it: a trailers-only response, or one that isn't gRPC. Else null.</summary>
    public static Status? ReadHead(IResponseHead head, EncodingSet encodings)
    {
        if (head.Find(WireNames.StatusHeader) is not null)
            return Read(head);
        if (head.HttpStatus != 200)
            return new Status(TransportFailure.OfHttpStatus(head.HttpStatus), $"The server answered with HTTP status {head.HttpStatus} instead of a gRPC response.");
        var contentType = head.Find("content-type");
        if (!WireNames.IsGrpcContentType(contentType))
            return new Status(StatusCode.Unknown, $"The server answered with content-type '{contentType}'; a gRPC server sends application/grpc.");
        return head.Find(WireNames.EncodingHeader) is { } encoding && encoding != WireNames.Identity && encodings.Find(encoding) is null
            ? new Status(StatusCode.Internal, $"The server answered with grpc-encoding '{encoding}', which this client didn't offer; it offered {encodings.AcceptHeader}.")
            : null;
    }

    /// <summary>The status in trailers.</summary>
    public static Status Read(IHeaderBlock trailers)
    {
        var text = trailers.Find(WireNames.StatusHeader);
        if (text is null)
            return new Status(StatusCode.Unknown, "The response ended without a grpc-status.");
        var detail = PercentEncoding.Decode(trailers.Find(WireNames.MessageHeader) ?? "");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            return new Status(StatusCode.Unknown, $"The response's grpc-status is '{text}', which is no number. {detail}".TrimEnd());
        return Enum.IsDefined((StatusCode)code)
            ? new Status((StatusCode)code, detail)
            : new Status(StatusCode.Unknown, $"The response's grpc-status is {code}, which no specification names. {detail}".TrimEnd());
    }
}
