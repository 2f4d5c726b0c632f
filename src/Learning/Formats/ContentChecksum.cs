using System.Text;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Formats;

/// <summary>
/// The checksum of what a safetensors file says: its lines of metadata and its tensors' names, types, shapes and elements, each in the order of the names, whatever their order in the file. One thread's.
/// </summary>
internal sealed class ContentChecksum : Stream
{
    /// <summary>The metadata that holds it; it doesn't cover itself.</summary>
    public const string Name = "checksum";

    private readonly byte[] _buffer = new byte[2048 * Checksum.PieceBytes];
    private Checksum _checksum;
    private int _filled;

    /// <summary>The checksum as text, of 8 hexadecimal digits.</summary>
    /// <param name="metadata">All lines.</param>
    /// <param name="tensors">All tensors.</param>
    /// <param name="write">Writes a tensor's elements, little-endian.</param>
    public static string Of(IEnumerable<KeyValuePair<string, string>> metadata, IEnumerable<TensorEntry> tensors, Action<TensorEntry, Stream> write)
    {
        using var content = new ContentChecksum();
        foreach (var (name, value) in metadata.Where(line => line.Key != Name).OrderBy(line => line.Key, StringComparer.Ordinal))
        {
            content.Write(name);
            content.Write(value);
        }
        foreach (TensorEntry tensor in tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            content.Write($"{tensor.Name} {tensor.Type} [{string.Join(',', tensor.Shape)}]");
            write(tensor, content);
        }
        Checksum checksum = content._checksum;
        return checksum.Finish(content._buffer.AsSpan(0, content._filled)).ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            int count = Math.Min(buffer.Length, _buffer.Length - _filled);
            buffer[..count].CopyTo(_buffer.AsSpan(_filled));
            buffer = buffer[count..];
            _filled += count;
            if (_filled < _buffer.Length) continue;
            _checksum.Add(_buffer);
            _filled = 0;
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    // With its length, so that no two lists of texts are the same bytes.
    private void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Write(BitConverter.GetBytes(bytes.Length));
        Write(bytes);
    }
}
