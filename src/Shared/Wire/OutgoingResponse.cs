using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>
/// PushResponse, PullResponse or PushPullResponse of <c>parameters.proto</c> on its way out; the three share field numbers. Its
/// values are given back once written.
/// </summary>
/// <param name="Version">The shard's version.</param>
/// <param name="Duplicate">True if the push had been applied before.</param>
/// <param name="Values">What was pulled, or null.</param>
public sealed record OutgoingResponse(long Version, bool Duplicate, MessageMemory<float>? Values) : IDisposable
{
    /// <summary>Bytes that a message has besides its values, at most.</summary>
    public const int HeadBytesMax = 32;

    /// <summary>Writes the message and gives its values back.</summary>
    /// <param name="response">The message.</param>
    /// <param name="context">Where to.</param>
    public static void Serialize(OutgoingResponse response, SerializationContext context)
    {
        ReadOnlySpan<float> values = response.Values is null ? [] : response.Values.Span;
        context.SetPayloadLength(checked(WireWriter.SizeOfField((ulong)response.Version) + (response.Duplicate ? 2 : 0) + WireWriter.SizeOfBytes(values.Length * sizeof(float))));
        var writer = new WireWriter(context.GetBufferWriter());
        writer.Field(1, (ulong)response.Version);
        writer.Field(2, response.Duplicate ? 1UL : 0);
        writer.Floats(3, values);
        context.Complete();
        response.Dispose();
    }

    /// <summary>Gives the values back.</summary>
    public void Dispose() => Values?.Dispose();
}
