using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Where a serializer puts one message: either Complete(bytes), or SetPayloadLength, GetBufferWriter, Complete().
/// With the length set first, the message goes straight into the transport's buffer. Valid only during the serializer's call.
/// </summary>
public abstract class SerializationContext
{
    /// <summary>Ends the message with this payload; the array must not be changed afterwards.</summary>
    public virtual void Complete(byte[] payload) => throw new NotSupportedException("This context takes no arrays.");

    /// <summary>A writer for the payload.</summary>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw new NotSupportedException("This context has no buffer writer.");

    /// <summary>Announces the exact length of what will be written, in bytes. Call it before GetBufferWriter.</summary>
    public virtual void SetPayloadLength(int payloadLength) => throw new NotSupportedException("This context takes no length.");

    /// <summary>Ends the message with what was written to the buffer writer.</summary>
    public virtual void Complete() => throw new NotSupportedException("This context has no buffer writer.");
}

/// <summary>Where a deserializer finds one message. Valid only during the deserializer's call.</summary>
public abstract class DeserializationContext
{
    /// <summary>The payload's length in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>The payload copied to a new array.</summary>
    public virtual byte[] PayloadAsNewBuffer() => throw new NotSupportedException("This context makes no arrays.");

    /// <summary>The payload where it lies; pooled memory that is reused once the deserializer returns.</summary>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => throw new NotSupportedException("This context has no sequence.");
}
