using System.Buffers;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Grpc.Wire;

/// <summary>A received payload, handed to a deserializer. One thread at a time; reusable for the next message.</summary>
internal sealed class PayloadReader : DeserializationContext
{
    private ReadOnlySequence<byte> _payload;

    public override int PayloadLength => (int)_payload.Length;

    public T Deserialize<T>(Marshaller<T> marshaller, in ReadOnlySequence<byte> payload)
    {
        _payload = payload;
        try
        {
            return marshaller.ContextualDeserializer(this);
        }
        finally
        {
            _payload = default;
        }
    }

    /// <summary>Deserializes a compressed payload.</summary>
    public T Deserialize<T>(Marshaller<T> marshaller, in ReadOnlySequence<byte> compressed, ICompressionProvider provider, int? limitBytes, IGrowth? growth = null)
    {
        var plain = MessageDecompressor.Decompress(provider, compressed, limitBytes, growth);
        try
        {
            return Deserialize(marshaller, new ReadOnlySequence<byte>(plain));
        }
        finally
        {
            MessagePool.Return(plain.Array!);
        }
    }

    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;
}
