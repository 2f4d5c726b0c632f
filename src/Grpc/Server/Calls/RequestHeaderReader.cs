using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>The metadata among a request's headers.</summary>
internal static class RequestHeaderReader
{
    public static Metadata Read(IHeaderDictionary headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers)
        {
            if (MetadataHeaders.IsReserved(name))
                continue;
            foreach (var value in values)
                Decode(metadata, name, value ?? "");
        }
        return metadata;
    }

    private static void Decode(Metadata metadata, string name, string value)
    {
        try
        {
            MetadataHeaders.Decode(metadata, name, value);
        }
        catch (FormatException e)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, e.Message, e));
        }
    }
}
