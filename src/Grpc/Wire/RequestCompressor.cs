using Grpc.Core;

namespace Grpc.Wire;

/// <summary>The encoding that a caller asks for in the headers of a call.</summary>
internal static class RequestCompressor
{
    /// <summary>Null for identity.</summary>
    /// <exception cref="InvalidOperationException">No provider has the encoding.</exception>
    public static MessageCompressor? Find(Metadata? headers, EncodingSet encodings)
    {
        if (headers is null || headers.GetValue(WireNames.EncodingRequest) is not { } name || name == WireNames.Identity)
            return null;
        var provider = encodings.Find(name)
            ?? throw new InvalidOperationException($"The call asks for the encoding '{name}', which no compression provider has; known are {encodings.AcceptHeader}.");
        return new MessageCompressor(provider, level: null);
    }
}
