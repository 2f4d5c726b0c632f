using System.Buffers;
using Grpc.Core;

namespace Grpc.Wire;

/// <summary>Metadata as HTTP headers: binary values in base64; headers of the protocol itself kept apart.</summary>
internal static class MetadataHeaders
{
    // Names that begin with grpc- and are nevertheless metadata: those that the specification or its common extensions let applications see.
    private static readonly HashSet<string> Open = new(StringComparer.OrdinalIgnoreCase)
    {
        "grpc-status-details-bin", "grpc-trace-bin", "grpc-tags-bin", "grpc-server-stats-bin", "grpc-previous-rpc-attempts", "grpc-retry-pushback-ms",
    };

    private static readonly SearchValues<char> Printable =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (char)code)]);

    /// <summary>Whether the header belongs to HTTP or gRPC itself and so is no metadata.</summary>
    public static bool IsReserved(string name) => name.Length == 0 || name[0] == ':'
        || name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) && !Open.Contains(name)
        || name.Equals("content-type", StringComparison.OrdinalIgnoreCase)
        || name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
        || name.Equals("te", StringComparison.OrdinalIgnoreCase)
        || name.Equals("host", StringComparison.OrdinalIgnoreCase)
        || name.Equals("connection", StringComparison.OrdinalIgnoreCase);

    /// <summary>The same entries, checked, in a list that nobody else has; null where there are none.</summary>
    /// <exception cref="ArgumentException">A name is reserved, or a text has other than printable ASCII characters.</exception>
    public static Metadata? Copy(Metadata? metadata)
    {
        if (metadata is null or { Count: 0 })
            return null;
        Check(metadata);
        var copy = new Metadata();
        foreach (var entry in metadata)
            copy.Add(entry);
        return copy;
    }

    /// <summary>Refuses metadata that can't be sent.</summary>
    /// <exception cref="ArgumentException">A name is reserved, or a text has other than printable ASCII characters.</exception>
    public static void Check(Metadata? metadata)
    {
        for (var i = 0; i < metadata?.Count; i++)
        {
            var entry = metadata[i];
            if (IsReserved(entry.Key) && entry.Key != WireNames.EncodingRequest)
                throw new ArgumentException($"The metadata key '{entry.Key}' belongs to HTTP or gRPC itself; choose another name.");
            if (!entry.IsBinary && entry.Value.AsSpan().ContainsAnyExcept(Printable))
                throw new ArgumentException($"The metadata value of '{entry.Key}' has other than printable ASCII characters; use a key that ends in -bin.");
        }
    }

    /// <summary>The value as it travels; unpadded base64 where the key ends in -bin.</summary>
    public static string Encode(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueSpan).TrimEnd('=') : entry.Value;

    /// <summary>Adds a received header. Binary values may come joined by commas, padded or not.</summary>
    /// <exception cref="FormatException">A binary value isn't base64.</exception>
    public static void Decode(Metadata destination, string name, string value)
    {
        var key = name.ToLowerInvariant();
        if (!Metadata.Entry.IsValidKey(key))
            return; // HTTP allows names that metadata doesn't; a proxy's header must not break a call.
        if (!key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
        {
            destination.Add(key, value);
            return;
        }
        foreach (var part in value.Split(','))
            destination.Add(key, DecodeBase64(key, part.Trim()));
    }

    private static byte[] DecodeBase64(string name, string text)
    {
        try
        {
            return Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
        }
        catch (FormatException e)
        {
            throw new FormatException($"The metadata value of '{name}' isn't base64: \"{text}\".", e);
        }
    }
}
