using System.Collections.Frozen;

namespace Grpc.Net.Client.Http2;

/// <summary>A header's name and value.</summary>
internal readonly record struct HeaderField(string Name, string Value)
{
    /// <summary>What a field counts beside its characters (RFC 7541 §4.1).</summary>
    public const int OverheadBytes = 32;

    public int Size => Name.Length + Value.Length + OverheadBytes;
}

/// <summary>The fields that both sides know from the beginning (RFC 7541 appendix A), numbered from 1.</summary>
internal static class StaticTable
{
    private static readonly HeaderField[] Fields =
    [
        new(":authority", ""), new(":method", "GET"), new(":method", "POST"), new(":path", "/"), new(":path", "/index.html"),
        new(":scheme", "http"), new(":scheme", "https"), new(":status", "200"), new(":status", "204"), new(":status", "206"),
        new(":status", "304"), new(":status", "400"), new(":status", "404"), new(":status", "500"), new("accept-charset", ""),
        new("accept-encoding", "gzip, deflate"), new("accept-language", ""), new("accept-ranges", ""), new("accept", ""),
        new("access-control-allow-origin", ""), new("age", ""), new("allow", ""), new("authorization", ""), new("cache-control", ""),
        new("content-disposition", ""), new("content-encoding", ""), new("content-language", ""), new("content-length", ""),
        new("content-location", ""), new("content-range", ""), new("content-type", ""), new("cookie", ""), new("date", ""), new("etag", ""),
        new("expect", ""), new("expires", ""), new("from", ""), new("host", ""), new("if-match", ""), new("if-modified-since", ""),
        new("if-none-match", ""), new("if-range", ""), new("if-unmodified-since", ""), new("last-modified", ""), new("link", ""),
        new("location", ""), new("max-forwards", ""), new("proxy-authenticate", ""), new("proxy-authorization", ""), new("range", ""),
        new("referer", ""), new("refresh", ""), new("retry-after", ""), new("server", ""), new("set-cookie", ""),
        new("strict-transport-security", ""), new("transfer-encoding", ""), new("user-agent", ""), new("vary", ""), new("via", ""),
        new("www-authenticate", ""),
    ];

    private static readonly FrozenDictionary<string, int> Names = Fields
        .Select((field, position) => (field.Name, Index: position + 1)).DistinctBy(field => field.Name).ToFrozenDictionary(field => field.Name, field => field.Index);

    private static readonly FrozenDictionary<HeaderField, int> Whole =
        Fields.Select((field, position) => (Field: field, Index: position + 1)).ToFrozenDictionary(field => field.Field, field => field.Index);

    public static int Count => Fields.Length;

    public static HeaderField Get(int index) => Fields[index - 1];

    /// <summary>The number of a field of this name, or 0.</summary>
    public static int FindName(string name) => Names.GetValueOrDefault(name);

    /// <summary>The number of this very field, or 0.</summary>
    public static int Find(HeaderField field) => Whole.GetValueOrDefault(field);
}
