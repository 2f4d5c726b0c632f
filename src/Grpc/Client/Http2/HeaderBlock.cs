using System.Globalization;
using System.Runtime.InteropServices;
using Grpc.Core;
using Grpc.Net.Client.Transport;
using Grpc.Wire;

namespace Grpc.Net.Client.Http2;

/// <summary>A decoded header list. Immutable.</summary>
internal sealed class HeaderBlock : IResponseHead
{
    private const string StatusName = ":status";

    private readonly HeaderField[] _fields;

    private HeaderBlock(HeaderField[] fields, int status)
    {
        _fields = fields;
        HttpStatus = status;
    }

    public static HeaderBlock Empty { get; } = new([], 0);

    /// <summary>The HTTP status, or 0 in trailers.</summary>
    public int HttpStatus { get; }

    /// <summary>Whether the real head is yet to come.</summary>
    public bool IsInformational => HttpStatus is >= 100 and < 200;

    /// <exception cref="ProtocolViolationException">The list is none that a response may have (RFC 9113 §8.3).</exception>
    public static HeaderBlock Of(List<HeaderField> fields)
    {
        var status = 0;
        for (var i = 0; i < fields.Count; i++)
        {
            var (name, value) = fields[i];
            if (name.Length == 0 || name.AsSpan().ContainsAnyInRange('A', 'Z'))
                throw new ProtocolViolationException(Http2Error.ProtocolError, $"It sent the header name '{name}', which isn't in lower case.");
            if (name[0] != ':')
                continue;
            if (name != StatusName || i > 0 || !int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out status) || status is < 100 or > 999)
                throw new ProtocolViolationException(Http2Error.ProtocolError, $"It sent '{name}: {value}' where no such header may stand.");
        }
        return new HeaderBlock([.. fields], status);
    }

    public bool IsSame(List<HeaderField> fields) => _fields.AsSpan().SequenceEqual(CollectionsMarshal.AsSpan(fields));

    public string? Find(string name)
    {
        string? found = null;
        foreach (var field in _fields)
        {
            if (field.Name == name)
                found = found is null ? field.Value : $"{found}, {field.Value}";
        }
        return found;
    }

    public Metadata ToMetadata()
    {
        var metadata = new Metadata();
        foreach (var field in _fields)
        {
            if (!MetadataHeaders.IsReserved(field.Name))
                MetadataHeaders.Decode(metadata, field.Name, field.Value);
        }
        return metadata;
    }
}

/// <summary>Makes header blocks; one that came a moment ago is the same object again. One thread at a time.</summary>
internal sealed class HeaderBlocks
{
    private const int KeptMax = 4;

    private readonly HeaderBlock[] _kept = [.. Enumerable.Repeat(HeaderBlock.Empty, KeptMax)];
    private int _next;

    /// <exception cref="ProtocolViolationException">The list is none that a response may have.</exception>
    public HeaderBlock Of(List<HeaderField> fields)
    {
        foreach (var kept in _kept)
        {
            if (kept.IsSame(fields))
                return kept;
        }
        return _kept[_next++ % KeptMax] = HeaderBlock.Of(fields);
    }
}
