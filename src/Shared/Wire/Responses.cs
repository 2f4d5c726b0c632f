using System.Buffers;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>
/// PushResponse, PullResponse or PushPullResponse of <c>parameters.proto</c> on its way out; the three share field numbers. Its rented
/// values are given back once written.
/// </summary>
/// <param name="Version">The shard's version.</param>
/// <param name="Duplicate">True if the push had been applied before.</param>
/// <param name="Rented">From the shared pool, or null.</param>
/// <param name="Count">Number of values.</param>
public sealed record OutgoingResponse(long Version, bool Duplicate, float[]? Rented, int Count)
{
    /// <summary>Writes the message and gives its values back.</summary>
    /// <param name="response">The message.</param>
    /// <param name="context">Where to.</param>
    public static void Serialize(OutgoingResponse response, SerializationContext context)
    {
        ReadOnlySpan<float> values = response.Rented.AsSpan(0, response.Count);
        context.SetPayloadLength(checked(WireWriter.SizeOfField((ulong)response.Version) + (response.Duplicate ? 2 : 0) + WireWriter.SizeOfBytes(values.Length * sizeof(float))));
        var writer = new WireWriter(context.GetBufferWriter());
        writer.Field(1, (ulong)response.Version);
        writer.Field(2, response.Duplicate ? 1UL : 0);
        writer.Floats(3, values);
        context.Complete();
        if (response.Rented is not null)
            ArrayPool<float>.Shared.Return(response.Rented);
    }
}

/// <summary>The same messages as they arrive: values are copied once, from the transport's buffers to where the caller wants them.</summary>
public sealed class IncomingResponse
{
    /// <summary>Where the values go; as many are expected.</summary>
    public Memory<float> Destination { get; set; }

    /// <summary>The shard's version.</summary>
    public long Version { get; private set; }

    /// <summary>True if the push had been applied before.</summary>
    public bool Duplicate { get; private set; }

    /// <summary>Reads a message into this object.</summary>
    /// <param name="context">Where from.</param>
    /// <exception cref="RpcException">INTERNAL: the answer is malformed or of another length.</exception>
    public IncomingResponse Deserialize(DeserializationContext context)
    {
        ReadOnlySequence<byte> payload = context.PayloadAsReadOnlySequence();
        (Version, Duplicate) = (0, false);
        int received = 0;
        try
        {
            var reader = new WireReader(payload);
            while (reader.TryField(payload.Length, out int number, out int wireType))
            {
                if ((number, wireType) == (1, 0))
                {
                    Version = (long)reader.Varint();
                }
                else if ((number, wireType) == (2, 0))
                {
                    Duplicate = reader.Varint() != 0;
                }
                else if ((number, wireType) == (3, 2))
                {
                    received = reader.Elements("values");
                    if (received != Destination.Length)
                        break;
                    reader.Copy(Destination.Span);
                }
                else
                {
                    reader.Skip(wireType);
                }
            }
        }
        catch (InvalidDataException problem)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"Malformed answer of the server: {problem.Message}."));
        }
        return received == Destination.Length ? this
            : throw new RpcException(new Status(StatusCode.Internal, $"The server answered {received} values; {Destination.Length} were asked for."));
    }
}
