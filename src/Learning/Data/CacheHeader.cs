using DistSgd.Learning.Csv;

namespace DistSgd.Learning.Data;

/// <summary>
/// The beginning of a cache file: magic, version, its own length and checksum, then what follows here. Behind it, each at a multiple of 64 bytes, the sections: for each segment row
/// starts (int32), indices (uint32), values (float32), labels (float32), line offsets (int64), weights (float32; none where rows have none), as they are in memory on a little-endian machine.
/// </summary>
internal sealed record CacheHeader(CacheKey Key, CacheAsked Asked, DatasetFacts Facts, bool HasWeights, CacheHeader.Segment[] Segments)
{
    public const int Version = 3;
    public const int SectionsPerSegment = 6;
    public const int PrefixBytes = 20; // magic, version, length and checksum of the rest

    private const ulong Magic = 0x3143_4447_5344_5344; // "DSDSGDC1"
    private const int AlignmentBytes = 64;
    private const int SegmentsMax = 1 << 20;

    private static readonly int[] ElementBytes = [sizeof(int), sizeof(uint), sizeof(float), sizeof(float), sizeof(long), sizeof(float)];

    /// <summary>Bytes of the whole header.</summary>
    public int Bytes => PrefixBytes + Body().Length;

    public byte[] ToBytes()
    {
        byte[] body = Body();
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(body.Length);
        writer.Write(Checksum.Of(body));
        writer.Write(body);
        return stream.ToArray();
    }

    /// <summary>The length of the body, from the prefix; or why this is no cache of this version.</summary>
    public static string? CheckPrefix(ReadOnlySpan<byte> prefix, long fileBytes, out int bodyBytes)
    {
        bodyBytes = BitConverter.ToInt32(prefix[12..]);
        if (BitConverter.ToUInt64(prefix) != Magic) return "it is not a cache";
        if (BitConverter.ToInt32(prefix[8..]) != Version) return $"it has format version {BitConverter.ToInt32(prefix[8..])}, this program uses {Version}";
        return bodyBytes < 0 || bodyBytes > fileBytes - PrefixBytes ? "it is damaged or truncated" : null;
    }

    /// <summary>Null if the checksum is wrong.</summary>
    public static CacheHeader? FromBody(ReadOnlySpan<byte> prefix, byte[] body)
    {
        if (Checksum.Of(body) != BitConverter.ToUInt32(prefix[16..])) return null;
        using var reader = new BinaryReader(new MemoryStream(body));
        var key = new CacheKey(reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadUInt32());
        var asked = new CacheAsked((IndexBase)reader.ReadInt32(), reader.ReadString());
        string layout = reader.ReadString();
        bool hasWeights = reader.ReadBoolean();
        var facts = new DatasetFacts
        {
            SourceBytes = reader.ReadInt64(),
            FeatureCount = reader.ReadInt64(),
            IndexBase = (IndexBase)reader.ReadInt32(),
            IndexBaseOrigin = (IndexBaseOrigin)reader.ReadInt32(),
            Layout = layout.Length == 0 ? null : CsvLayoutText.Read(layout),
        };
        int count = reader.ReadInt32();
        if (count is < 1 or > SegmentsMax) return null;
        var segments = new Segment[count];
        for (int i = 0; i < count; i++)
        {
            segments[i] = new Segment(reader.ReadInt32(), reader.ReadInt32(), new uint[SectionsPerSegment]);
            for (int s = 0; s < SectionsPerSegment; s++) segments[i].Checksums[s] = reader.ReadUInt32();
        }
        return new CacheHeader(key, asked, facts, hasWeights, segments);
    }

    /// <summary>Where each section starts and how long it is, five for each segment; and where the file ends.</summary>
    public (long Start, long Bytes)[] Sections(out long end)
    {
        var sections = new (long Start, long Bytes)[Segments.Length * SectionsPerSegment];
        end = Bytes;
        for (int i = 0; i < sections.Length; i++)
        {
            long start = Aligned(end);
            int kind = i % SectionsPerSegment;
            long length = (long)Count(Segments[i / SectionsPerSegment], kind) * ElementBytes[kind];
            sections[i] = (start, length);
            end = start + length;
        }
        return sections;
    }

    /// <summary>Where the next section may start.</summary>
    public static long Aligned(long position) => (position + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes;

    private byte[] Body()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Key.Bytes);
        writer.Write(Key.ModifiedTicks);
        writer.Write(Key.ChangedNs);
        writer.Write(Key.Sample);
        writer.Write((int)Asked.IndexBase);
        writer.Write(Asked.Columns);
        writer.Write(Facts.Layout is null ? "" : CsvLayoutText.Write(Facts.Layout));
        writer.Write(HasWeights);
        writer.Write(Facts.SourceBytes);
        writer.Write(Facts.FeatureCount);
        writer.Write((int)Facts.IndexBase);
        writer.Write((int)Facts.IndexBaseOrigin);
        writer.Write(Segments.Length);
        foreach (var segment in Segments)
        {
            writer.Write(segment.Rows);
            writer.Write(segment.NonZeros);
            foreach (uint checksum in segment.Checksums) writer.Write(checksum);
        }
        return stream.ToArray();
    }

    /// <summary>A segment's size and the checksums of its sections.</summary>
    internal sealed record Segment(int Rows, int NonZeros, uint[] Checksums);

    private int Count(Segment segment, int kind) => kind switch
    {
        0 => segment.Rows + 1,
        1 or 2 => segment.NonZeros,
        5 => HasWeights ? segment.Rows : 0,
        _ => segment.Rows,
    };
}

/// <summary>What a reader was asked for that a cache depends on.</summary>
/// <param name="IndexBase">Of LIBSVM text.</param>
/// <param name="Columns">Of separated text: the options, as text; empty for other formats.</param>
internal readonly record struct CacheAsked(IndexBase IndexBase, string Columns)
{
    public static CacheAsked Of(ReadOptions options) => new(options.IndexBase, options.Format == DataFormat.Csv ? options.Csv.ToString() : "");
}
