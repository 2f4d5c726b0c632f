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
