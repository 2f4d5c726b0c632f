using System.Buffers;
using System.Runtime.InteropServices;
using Grpc.Core;

namespace DistSgd.Bench.Wire;

/// <summary>A vector whose bytes go straight between the transport's buffers and a float array; an array that was received is rented.</summary>
internal sealed class FloatBlock
{
    public float[] Values { get; init; } = [];

    public int Count { get; init; }

    public static Marshaller<FloatBlock> Marshaller { get; } = Marshallers.Create<FloatBlock>(Write, Read);

    public void Return()
    {
        if (Values.Length > 0)
            ArrayPool<float>.Shared.Return(Values);
    }

    private static void Write(FloatBlock block, SerializationContext context)
    {
        var bytes = MemoryMarshal.AsBytes(block.Values.AsSpan(0, block.Count));
        context.SetPayloadLength(bytes.Length);
        var writer = context.GetBufferWriter();
        while (!bytes.IsEmpty)
        {
            var span = writer.GetSpan();
            var part = bytes[..Math.Min(span.Length, bytes.Length)];
            part.CopyTo(span);
            writer.Advance(part.Length);
            bytes = bytes[part.Length..];
        }
        context.Complete();
    }

    private static FloatBlock Read(DeserializationContext context)
    {
        var count = context.PayloadLength / sizeof(float);
        if (count == 0)
            return new FloatBlock();
        var values = ArrayPool<float>.Shared.Rent(count);
        context.PayloadAsReadOnlySequence().CopyTo(MemoryMarshal.AsBytes(values.AsSpan(0, count)));
        return new FloatBlock { Values = values, Count = count };
    }
}
