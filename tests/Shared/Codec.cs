using System.Buffers;
using Grpc.Core;

namespace DistSgd.Shared.Tests;

/// <summary>Runs the hand-written codec outside of any transport.</summary>
internal static class Codec
{
    /// <summary>Writes a message, into pieces of at most the given size, and checks that its announced length is the true one.</summary>
    public static byte[] Write<T>(Action<T, SerializationContext> serialize, T message, int pieceBytes = int.MaxValue)
    {
        var sink = new Sink(pieceBytes);
        serialize(message, sink);
        Assert.True(sink.IsComplete, "the serializer did not complete");
        Assert.Equal(sink.AnnouncedBytes, sink.Written.Count);
        return [.. sink.Written];
    }

    /// <summary>A source that lies in one piece, or in pieces of the given size.</summary>
    public static DeserializationContext Source(byte[] bytes, int pieceBytes = int.MaxValue) => new Bytes(Pieces(bytes, pieceBytes));

    private static ReadOnlySequence<byte> Pieces(byte[] bytes, int pieceBytes)
    {
        if (bytes.Length <= pieceBytes)
            return new ReadOnlySequence<byte>(bytes);
        var first = new Piece(bytes.AsMemory(0, pieceBytes), 0);
        Piece last = first;
        for (int start = pieceBytes; start < bytes.Length; start += pieceBytes)
            last = last.Then(bytes.AsMemory(start, Math.Min(pieceBytes, bytes.Length - start)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Bytes(ReadOnlySequence<byte> payload) : DeserializationContext
    {
        public override int PayloadLength => (int)payload.Length;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => payload;
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long start) => (Memory, RunningIndex) = (memory, start);

        public Piece Then(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }

    // Gives out no more room than asked for, up to its piece, so that writers that write beyond what they asked for are found out.
    private sealed class Sink(int pieceBytes) : SerializationContext, IBufferWriter<byte>
    {
        private byte[] _room = [];

        public List<byte> Written { get; } = [];

        public int AnnouncedBytes { get; private set; } = -1;

        public bool IsComplete { get; private set; }

        public override void SetPayloadLength(int payloadLength) => AnnouncedBytes = payloadLength;

        public override IBufferWriter<byte> GetBufferWriter() => this;

        public override void Complete() => IsComplete = true;

        public void Advance(int count) => Written.AddRange(_room.AsSpan(0, count));

        public Memory<byte> GetMemory(int sizeHint = 0) => _room = new byte[Math.Max(Math.Max(1, sizeHint), Math.Min(pieceBytes, 256))];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
