using System.Buffers.Binary;
using System.Text.Json;

namespace DistSgd.Learning.Formats;

/// <summary>
/// Writes tensors in the safetensors format: the header's length as a 64-bit little-endian number, the header (JSON: each tensor's type, shape and byte range; text under
/// <c>__metadata__</c>), the tensors' bytes, little-endian, without holes. The header is padded with blanks so that the data starts at a multiple of 8 bytes; tensors with larger
/// elements come first, so that each starts at a multiple of its elements' size.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int AlignmentBytes = 8;

    private readonly List<(TensorEntry Entry, Action<Stream> Write)> _tensors = [];
    private readonly SortedList<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Adds a line of metadata, replacing one of the same name.</summary>
    public void AddMetadata(string name, string value) => _metadata[name] = value;

    /// <summary>Adds a tensor. Its content is asked for when the file is written.</summary>
    /// <param name="name">Unique, not empty, not <c>__metadata__</c>.</param>
    /// <param name="type">Of the elements.</param>
    /// <param name="shape">Extents, outermost first.</param>
    /// <param name="write">Writes exactly the elements' bytes, little-endian.</param>
    /// <exception cref="ArgumentException">The name is taken or reserved, or an extent is negative.</exception>
    public void AddTensor(string name, TensorType type, IReadOnlyList<long> shape, Action<Stream> write)
    {
        if (name is "" or SafetensorsReader.MetadataName || _tensors.Exists(t => t.Entry.Name == name))
            throw new ArgumentException($"A tensor cannot be named \"{name}\": names are unique, not empty and not {SafetensorsReader.MetadataName}.", nameof(name));
        long count = 1;
        foreach (long extent in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(extent, nameof(shape));
            count = checked(count * extent);
        }
        long bytes = checked(count * TensorEntry.SizeOf(type));
        _tensors.Add((new TensorEntry(name, type, shape, 0, bytes), write));
    }

    /// <summary>Adds the checksum of all that was added so far as metadata <c>checksum</c>; tensors' contents are asked for once more.</summary>
    public void AddChecksum()
    {
        string checksum = ContentChecksum.Of(_metadata, _tensors.Select(tensor => tensor.Entry), (entry, stream) => _tensors.First(tensor => tensor.Entry == entry).Write(stream));
        AddMetadata(ContentChecksum.Name, checksum);
    }

    /// <summary>Writes the file: whole under its name, or not at all (<see cref="AtomicFile"/>).</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">A tensor's content is not as long as its shape says.</exception>
    public void Save(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes everything to a stream.</summary>
    /// <exception cref="InvalidOperationException">A tensor's content is not as long as its shape says.</exception>
    public void Write(Stream stream)
    {
        var placed = Placed();
        byte[] header = Header(placed.Select(t => t.Entry));
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (entry, write) in placed)
        {
            long before = stream.Position;
            write(stream);
            long written = stream.Position - before;
            if (written != entry.Bytes) throw new InvalidOperationException($"Tensor {entry.Name} wrote {written} bytes; its shape says {entry.Bytes}.");
        }
    }

    private List<(TensorEntry Entry, Action<Stream> Write)> Placed()
    {
        var placed = new List<(TensorEntry Entry, Action<Stream> Write)>();
        long end = 0;
        for (int size = AlignmentBytes; size > 0; size /= 2)
        {
            foreach (var (entry, write) in _tensors)
            {
                if (TensorEntry.SizeOf(entry.Type) != size) continue;
                placed.Add((entry with { Start = end }, write));
                end = checked(end + entry.Bytes);
            }
        }
        return placed;
    }

    private byte[] Header(IEnumerable<TensorEntry> entries)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsReader.MetadataName);
                foreach (var (name, value) in _metadata) json.WriteString(name, value);
                json.WriteEndObject();
            }
            foreach (var entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", entry.Type.ToString());
                json.WriteStartArray("shape");
                foreach (long extent in entry.Shape) json.WriteNumberValue(extent);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(entry.Start);
                json.WriteNumberValue(entry.Start + entry.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % AlignmentBytes != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
