using System.Buffers;

namespace Grpc.Wire;

/// <summary>A stream that can only be written to, into a buffer writer.</summary>
internal sealed class BufferWriterStream(IBufferWriter<byte> destination) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw CantSeek();

    public override long Position
    {
        get => throw CantSeek();
        set => throw CantSeek();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer) => destination.Write(buffer);

    public override void Flush()
    {
        // What is written is in the destination already.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("This stream is written to, not read.");

    public override long Seek(long offset, SeekOrigin origin) => throw CantSeek();

    public override void SetLength(long value) => throw CantSeek();

    private static NotSupportedException CantSeek() => new("This stream can't seek.");
}
