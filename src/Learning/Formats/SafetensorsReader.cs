using System.Runtime.InteropServices;
using System.Text.Json;
using DistSgd.Kernels;
using Microsoft.Win32.SafeHandles;

namespace DistSgd.Learning.Formats;

/// <summary>Reads a safetensors file. Everything is checked when it is opened: lengths, types, shapes, that tensors fill the file without holes or overlaps. One thread at a time.</summary>
public sealed class SafetensorsReader : IDisposable
{
    /// <summary>Headers longer than this are refused, as in the reference implementation.</summary>
    public const long HeaderBytesMax = 100_000_000;

    private const int CopyBytes = 1 << 16;

    internal const string MetadataName = "__metadata__";

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly long _dataStart;

    /// <summary>Opens and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFileException">The file is missing, truncated, damaged, or not in this format.</exception>
    public SafetensorsReader(string path)
    {
        _path = path;
        _file = OpenFile(path);
        try
        {
            long bytes = RandomAccess.GetLength(_file);
            if (bytes < sizeof(long)) throw Fault($"the file has {bytes} bytes; expected a safetensors file, which has at least {sizeof(long)}. It is empty or truncated.");
            Span<byte> prefix = stackalloc byte[sizeof(long)];
            ReadAt(prefix, 0);
            long headerBytes = BitConverter.ToInt64(prefix);
            if (headerBytes is < 2 or > HeaderBytesMax || headerBytes > bytes - sizeof(long))
                throw Fault($"the header would be {headerBytes} bytes long in a file of {bytes}; this is not a safetensors file, or it is truncated.");
            byte[] header = new byte[headerBytes];
            ReadAt(header, sizeof(long));
            _dataStart = sizeof(long) + headerBytes;
            ParseHeader(header);
            CheckPlaces(bytes - _dataStart);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>The lines of text under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Reads a part of a tensor.</summary>
    /// <typeparam name="T">A type of the size of the tensor's elements.</typeparam>
    /// <param name="name">The tensor.</param>
    /// <param name="first">First element.</param>
    /// <param name="target">Filled completely.</param>
    /// <exception cref="ModelFileException">There is no such tensor, or the file became shorter.</exception>
    /// <exception cref="ArgumentException">The elements don't exist or have another size.</exception>
    public void Read<T>(string name, long first, Span<T> target)
        where T : unmanaged
    {
        if (!_tensors.TryGetValue(name, out var entry)) throw Fault($"there is no tensor \"{name}\"; the file has {string.Join(", ", _tensors.Keys)}.");
        int size = TensorEntry.SizeOf(entry.Type);
        var bytes = MemoryMarshal.AsBytes(target);
        if (bytes.Length != (long)target.Length * size) throw new ArgumentException($"Tensor {name} has elements of {size} bytes ({entry.Type}).", nameof(target));
        if (first < 0 || first > entry.ElementCount - target.Length)
            throw new ArgumentOutOfRangeException(nameof(first), first, $"Tensor {name} has {entry.ElementCount} elements; elements {first} to {first + target.Length} were asked for.");
        ReadAt(bytes, _dataStart + entry.Start + (first * size));
    }

    /// <summary>Reads all and compares it with the file's checksum.</summary>
    /// <exception cref="ModelFileException">The checksum is another, or there is none.</exception>
    public void CheckContent()
    {
        if (!_metadata.TryGetValue(ContentChecksum.Name, out string? expected)) throw Fault($"the metadata lacks \"{ContentChecksum.Name}\".");
        if (ContentChecksum.Of(_metadata, _tensors.Values, Copy) != expected) throw Fault("the file is damaged: it isn't what its checksum was made of. Take another copy of it, or make it anew.");
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    private static SafeFileHandle OpenFile(string path)
    {
        if (FileStatus.Of(path) is { Kind: not FileKind.File } other) throw new ModelFileException(path, $"this is {other.What}; expected a model file.");
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string why = error is FileNotFoundException or DirectoryNotFoundException ? "there is no such file." : $"the file cannot be read: {error.Message}";
            throw new ModelFileException(path, why, error);
        }
    }

    private void ParseHeader(byte[] header)
    {
        try
        {
            using var json = JsonDocument.Parse(header);
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw Fault("the header is not a JSON object.");
            foreach (var item in json.RootElement.EnumerateObject())
            {
                if (item.Name == MetadataName) ParseMetadata(item.Value);
                else if (!_tensors.TryAdd(item.Name, ParseEntry(item.Name, item.Value))) throw Fault($"the header names tensor \"{item.Name}\" twice.");
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ModelFileException(_path, $"the header is damaged: {error.Message}", error);
        }
    }

    private void ParseMetadata(JsonElement metadata)
    {
        foreach (var item in metadata.EnumerateObject())
            if (!_metadata.TryAdd(item.Name, item.Value.GetString() ?? throw Fault($"metadata \"{item.Name}\" is null."))) throw Fault($"the metadata has \"{item.Name}\" twice.");
    }

    private TensorEntry ParseEntry(string name, JsonElement item)
    {
        string dtype = item.GetProperty("dtype").GetString() ?? "null";
        if (!Enum.TryParse(dtype, ignoreCase: false, out TensorType type) || !Enum.IsDefined(type) || type.ToString() != dtype)
            throw Fault($"tensor \"{name}\" has the type {dtype}; expected one of {string.Join(", ", Enum.GetNames<TensorType>())}.");
        long[] shape = [.. item.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())];
        long[] range = [.. item.GetProperty("data_offsets").EnumerateArray().Select(e => e.GetInt64())];
        if (range.Length != 2 || range[0] < 0 || range[1] < range[0]) throw Fault($"tensor \"{name}\" has the data offsets [{string.Join(", ", range)}]; expected [start, end].");
        Int128 bytes = TensorEntry.SizeOf(type);
        foreach (long extent in shape)
        {
            if (extent < 0) throw Fault($"tensor \"{name}\" has an extent of {extent}.");
            bytes *= extent;
            if (bytes > long.MaxValue) throw Fault($"tensor \"{name}\" is larger than any file: shape [{string.Join(", ", shape)}].");
        }
        if (bytes != range[1] - range[0])
            throw Fault($"tensor \"{name}\" has {range[1] - range[0]} bytes; its shape [{string.Join(", ", shape)}] of {type} needs {bytes}.");
        return new TensorEntry(name, type, shape, range[0], range[1] - range[0]);
    }

    private void CheckPlaces(long dataBytes)
    {
        long end = 0;
        foreach (var entry in _tensors.Values.OrderBy(t => t.Start).ThenBy(t => t.Bytes))
        {
            if (entry.Start != end) throw Fault($"tensor \"{entry.Name}\" starts at byte {entry.Start} of the data where {end} was expected: tensors overlap or leave a hole.");
            end = entry.Start + entry.Bytes;
        }
        if (end != dataBytes) throw Fault($"the tensors have {end} bytes, but the file has {dataBytes} behind its header; it is truncated or damaged.");
    }

    private void ReadAt(Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            int read = RandomAccess.Read(_file, target, offset);
            if (read == 0) throw Fault($"the file ends at byte {offset}; it became shorter while it was read.");
            target = target[read..];
            offset += read;
        }
    }

    private void Copy(TensorEntry tensor, Stream target)
    {
        var piece = new byte[Math.Min(CopyBytes, tensor.Bytes)];
        for (long done = 0; done < tensor.Bytes; done += piece.Length)
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min(piece.Length, tensor.Bytes - done));
            ReadAt(part, _dataStart + tensor.Start + done);
            target.Write(part);
        }
    }

    private ModelFileException Fault(string problem) => new(_path, problem);
}
