using System.IO.Compression;
using Grpc.Net.Compression;

namespace Grpc.Wire;

/// <summary>The message encodings one side knows, besides identity. Immutable.</summary>
internal sealed class EncodingSet
{
    private readonly Dictionary<string, ICompressionProvider> _byName = new(StringComparer.Ordinal);

    /// <summary>Of two providers with one name the first counts.</summary>
    public EncodingSet(IEnumerable<ICompressionProvider> providers)
    {
        foreach (var provider in providers)
            _byName.TryAdd(provider.EncodingName, provider);
        AcceptHeader = string.Join(',', _byName.Keys.Prepend(WireNames.Identity));
    }

    /// <summary>gzip and deflate, at the fastest level.</summary>
    public static EncodingSet Default { get; } =
        new([new GzipCompressionProvider(CompressionLevel.Fastest), new DeflateCompressionProvider(CompressionLevel.Fastest)]);

    /// <summary>The value of grpc-accept-encoding.</summary>
    public string AcceptHeader { get; }

    public IEnumerable<ICompressionProvider> Providers => _byName.Values;

    public ICompressionProvider? Find(string encoding) => _byName.GetValueOrDefault(encoding);

    /// <summary>Whether a peer's grpc-accept-encoding names the encoding.</summary>
    public static bool IsAccepted(string? acceptHeader, string encoding)
    {
        var rest = acceptHeader.AsSpan();
        while (!rest.IsEmpty)
        {
            var comma = rest.IndexOf(',');
            if ((comma < 0 ? rest : rest[..comma]).Trim().SequenceEqual(encoding))
                return true;
            rest = comma < 0 ? [] : rest[(comma + 1)..];
        }
        return false;
    }
}
