using System.IO.Compression;
using Grpc.Net.Compression;

namespace DistSgd.Interop.Tests;

/// <summary>Gzip that counts the messages of the call in whose flow it is asked: how either side of ours knows what came, or went, compressed.</summary>
internal sealed class CountingGzip : ICompressionProvider
{
    private static readonly AsyncLocal<GzipCounts?> InFlow = new();

    private readonly GzipCompressionProvider _gzip = new(CompressionLevel.Fastest);

    public string EncodingName => _gzip.EncodingName;

    /// <summary>The counts of the call that this flow belongs to.</summary>
    public static GzipCounts Counts => InFlow.Value ?? throw new InvalidOperationException("Begin wasn't called in this flow.");

    /// <summary>Counts from 0 in this flow, and those that it starts.</summary>
    public static GzipCounts Begin() => InFlow.Value = new GzipCounts();

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel)
    {
        if (InFlow.Value is { } counts)
            counts.Compressed++;
        return _gzip.CreateCompressionStream(stream, compressionLevel);
    }

    public Stream CreateDecompressionStream(Stream stream)
    {
        if (InFlow.Value is { } counts)
            counts.Decompressed++;
        return _gzip.CreateDecompressionStream(stream);
    }
}

/// <summary>What one call compressed. Its reading and its writing flow each have a field; neither is read before the flow that writes it has ended.</summary>
internal sealed class GzipCounts
{
    /// <summary>Messages sent compressed.</summary>
    public int Compressed { get; set; }

    /// <summary>Messages received compressed.</summary>
    public int Decompressed { get; set; }

    /// <summary>How many of its responses the client asked to have compressed; null where it didn't say. Set by the service.</summary>
    public int? AskedFor { get; set; }
}
