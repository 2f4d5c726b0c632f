using System.Buffers;
using Grpc.Core;
using Grpc.Wire;

namespace DistSgd.Grpc.Tests;

public sealed class MarshallerTests
{
    private static byte[] Pattern(int bytes) => [.. Enumerable.Range(0, bytes).Select(i => (byte)(i * 7))];

    private static Marshaller<byte[]> Chunked(int chunkBytes, bool announces) => Marshallers.Create<byte[]>(
        (message, context) =>
        {
            if (announces)
                context.SetPayloadLength(message.Length);
            var writer = context.GetBufferWriter();
            for (var i = 0; i < message.Length; i += chunkBytes)
                writer.Write(message.AsSpan(i, Math.Min(chunkBytes, message.Length - i)));
            context.Complete();
        },
        context => context.PayloadAsReadOnlySequence().ToArray());

    [Fact]
    public void Writer_AnyLengthAnnouncedOrNot_FramesTheSameBytes()
    {
        foreach (var announces in new[] { true, false })
        {
            foreach (var bytes in new[] { 0, 1, 506, 507, 508, 4096, 100_000 })
            {
                var payload = Pattern(bytes);
                var writer = new PayloadWriter(null);
                var frame = writer.Serialize(Chunked(97, announces), payload, compressor: null);
                Assert.Equal(bytes, MessageFraming.ReadHeader(frame.Memory.Span[..5], null, hasEncoding: false, out _));
                Assert.True(frame.Memory.Span[5..].SequenceEqual(payload), $"{bytes} bytes, announced {announces}");
                frame.Return();
            }
        }
    }

    [Fact]
    public void Writer_LessWrittenThanAnnounced_IsAnError()
    {
        var marshaller = Marshallers.Create<string>(
            (_, context) =>
            {
                context.SetPayloadLength(10);
                context.GetBufferWriter().Write(new byte[9]);
                context.Complete();
            },
            _ => "");
        var e = Assert.Throws<InvalidOperationException>(() => new PayloadWriter(null).Serialize(marshaller, "", compressor: null));
        Assert.Equal("The serializer announced 10 bytes and wrote 9.", e.Message);
    }

    [Fact]
    public void Writer_NotCompleted_IsAnError()
    {
        var marshaller = Marshallers.Create<string>((_, context) => context.GetBufferWriter().Write(new byte[9]), _ => "");
        Assert.Throws<InvalidOperationException>(() => new PayloadWriter(null).Serialize(marshaller, "", compressor: null));
    }

    [Fact]
    public void Marshaller_OverContexts_OffersArraysToo()
    {
        var marshaller = Chunked(10, announces: true);
        Assert.Equal(Pattern(33), marshaller.Deserializer(marshaller.Serializer(Pattern(33))));
    }

    [Fact]
    public void Marshaller_OfStrings_KeepsThem() =>
        Assert.Equal("grüße", Marshallers.StringMarshaller.Deserializer(Marshallers.StringMarshaller.Serializer("grüße")));
}
