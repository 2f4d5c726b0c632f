using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace DistSgd.Learning.Csv;

/// <summary>A layout as JSON text: in models, in cache files, and on the wire.</summary>
public static class CsvLayoutText
{
    private const int TextCharsMax = 64 << 20;

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, TypeInfoResolver = JsonTypeInfoResolver.Combine() };

    /// <summary>The text of a layout; equal layouts have equal texts.</summary>
    public static string Write(CsvLayout layout)
    {
        var text = new JsonObject
        {
            ["separator"] = layout.Separator.ToString(),
            ["header"] = layout.HasHeader,
            ["hash_bits"] = layout.HashBits,
            ["hash_seed"] = layout.HashSeed,
            ["line_ends_in_fields"] = layout.HasLineEndsInFields,
            ["missing"] = layout.Missing,
            ["categories"] = layout.Categories,
            ["collisions"] = layout.Collisions,
            ["label_names"] = new JsonArray([.. layout.LabelNames.Select(name => JsonValue.Create(name))]),
            ["columns"] = new JsonArray([.. layout.Columns.Select(Column)]),
        };
        return text.ToJsonString(Readable);
    }

    /// <summary>The layout of a text.</summary>
    /// <exception cref="ArgumentException">The text is no layout; the message says why.</exception>
    public static CsvLayout Read(string text)
    {
        try
        {
            if (text.Length > TextCharsMax) throw new FormatException($"it is longer than {TextCharsMax:N0} characters");
            JsonObject json = JsonNode.Parse(text)!.AsObject();
            var layout = new CsvLayout
            {
                Separator = json["separator"]!.GetValue<string>()[0],
                HasHeader = json["header"]!.GetValue<bool>(),
                HashBits = json["hash_bits"]!.GetValue<int>(),
                HashSeed = json["hash_seed"]!.GetValue<ulong>(),
                HasLineEndsInFields = json["line_ends_in_fields"]!.GetValue<bool>(),
                Missing = json["missing"]!.GetValue<long>(),
                Categories = json["categories"]!.GetValue<long>(),
                Collisions = json["collisions"]!.GetValue<long>(),
                LabelNames = [.. json["label_names"]!.AsArray().Select(name => name!.GetValue<string>())],
                Columns = [.. json["columns"]!.AsArray().Select(column => Column(column!.AsObject()))],
            };
            if (layout.HashBits is < 1 or > 31) throw new FormatException($"it has {layout.HashBits} hash bits");
            return layout;
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException or NullReferenceException or ArgumentException or IndexOutOfRangeException)
        {
            throw new ArgumentException($"The columns' layout is malformed ({error.Message}).", nameof(text), error);
        }
    }

    private static JsonNode Column(CsvColumn column)
    {
        var node = new JsonObject { ["name"] = column.Name, ["role"] = column.Role.ToString().ToLowerInvariant() };
        if (column.Role == CsvRole.Number) node["mean"] = column.Mean;
        if (column.IsMarked) node["marked"] = true;
        return node;
    }

    private static CsvColumn Column(JsonObject node)
    {
        var column = new CsvColumn(node["name"]!.GetValue<string>(), Enum.Parse<CsvRole>(node["role"]!.GetValue<string>(), ignoreCase: true))
        {
            Mean = node["mean"]?.GetValue<float>() ?? 0,
            IsMarked = node["marked"]?.GetValue<bool>() ?? false,
        };
        return float.IsFinite(column.Mean) ? column : throw new FormatException($"the mean of {column.Name} is {column.Mean}");
    }
}
