using System.IO.Compression;

namespace DistSgd.Learning.Data;

/// <summary>
/// The text of a gzip file of one or more members, with certainty that it is whole. <see cref="GZipStream"/> takes a file that ends early for a complete one; so a last member with a known
/// text is read behind the file. Only if the file ends where a member ends does that text come out; otherwise the member's bytes are taken for data or for a checksum.
/// </summary>
internal sealed class WholeGzipStream : ForwardStream
{
    private const int BufferBytes = 64 << 10;
    private const int FileBufferBytes = 128 << 10;

    private const string NotWhole = "a gzip member is damaged or not whole, or is followed by something that is not gzip";

    private static readonly byte[] Seal = "\0distsgd: the gzip file was whole\0"u8.ToArray();

    private readonly GZipStream _inflated;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _start;
    private int _end;
    private bool _ended;

    public WholeGzipStream(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileBufferBytes);
        _inflated = new GZipStream(new SealedFile(file), CompressionMode.Decompress);
    }

    /// <exception cref="InvalidDataException">The file is damaged, truncated, or followed by something that is not gzip.</exception>
    public override int Read(Span<byte> target)
    {
        // The last bytes are held back until it is known whether they are the seal.
        while (_end - _start <= Seal.Length && !_ended)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            int read = Inflate(_buffer.AsSpan(_end));
            _end += read;
            if (read > 0) continue;
            _ended = true;
            if (!_buffer.AsSpan(0, _end).SequenceEqual(Seal)) throw new InvalidDataException(NotWhole);
        }
        int count = Math.Min(target.Length, _end - _start - Seal.Length);
        _buffer.AsSpan(_start, count).CopyTo(target);
        _start += count;
        return count;
    }

    // The library's own words for damaged bytes are those of zip archives, and depend on where they lie.
    private int Inflate(Span<byte> target)
    {
        try
        {
            return _inflated.Read(target);
        }
        catch (InvalidDataException damaged)
        {
            throw new InvalidDataException(NotWhole, damaged);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _inflated.Dispose();
        base.Dispose(disposing);
    }

    private static MemoryStream SealMember()
    {
        var member = new MemoryStream();
        using (var gzip = new GZipStream(member, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(Seal);
        member.Position = 0;
        return member;
    }

    /// <summary>A file, and behind it the member with the seal.</summary>
    private sealed class SealedFile(FileStream file) : ForwardStream
    {
        private readonly MemoryStream _seal = SealMember();

        public override int Read(Span<byte> target)
        {
            int read = file.Read(target);
            return read > 0 ? read : _seal.Read(target);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                file.Dispose();
                _seal.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}

/// <summary>A stream that can only be read from front to back.</summary>
internal abstract class ForwardStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public abstract override int Read(Span<byte> buffer);

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
