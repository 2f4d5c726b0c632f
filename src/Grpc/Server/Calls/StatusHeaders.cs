using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>Writes a status and trailers as HTTP headers.</summary>
internal static class StatusHeaders
{
    /// <summary>A response that is only a status.</summary>
    public static void WriteTrailersOnly(HttpResponse response, Status status)
    {
        response.ContentType = WireNames.ContentType;
        Write(response.Headers, status, null);
    }

    public static void Write(IHeaderDictionary destination, Status status, Metadata? trailers)
    {
        if (trailers is not null)
            Append(destination, trailers);
        destination[WireNames.StatusHeader] = ToText(status.StatusCode);
        if (!string.IsNullOrEmpty(status.Detail))
            destination[WireNames.MessageHeader] = PercentEncoding.Encode(status.Detail);
    }

    public static void Append(IHeaderDictionary destination, Metadata metadata)
    {
        foreach (var entry in metadata)
        {
            if (!MetadataHeaders.IsReserved(entry.Key))
                destination[entry.Key] = StringValues.Concat(destination[entry.Key], MetadataHeaders.Encode(entry));
        }
    }

    private static string ToText(StatusCode code) => code == StatusCode.OK ? "0" : ((int)code).ToString();
}
