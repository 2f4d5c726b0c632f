using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client.Transport;

/// <summary>Headers or trailers as System.Net.Http holds them, read without validation.</summary>
internal class HttpHeaderBlock(HttpHeaders headers) : IHeaderBlock
{
    public virtual string? Find(string name) => headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;

    public Metadata ToMetadata()
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers.NonValidated)
        {
            if (MetadataHeaders.IsReserved(name))
                continue;
            foreach (var value in values)
                MetadataHeaders.Decode(metadata, name, value);
        }
        return metadata;
    }
}

/// <summary>The response's header block; content headers are looked up too.</summary>
internal sealed class HttpResponseHead(HttpResponseMessage response) : HttpHeaderBlock(response.Headers), IResponseHead
{
    public int HttpStatus => (int)response.StatusCode;

    public override string? Find(string name) => base.Find(name)
        ?? (response.Content.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null);
}
