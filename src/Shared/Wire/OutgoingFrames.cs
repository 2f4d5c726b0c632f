using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>
/// ServerFrames of <c>parameters.proto</c> as a server makes it: frames are appended to one array, values are read from the shard straight
/// into it. One thread at a time; used again after <see cref="Clear"/>.
/// </summary>
public sealed class OutgoingFrames : IBufferWriter<byte>
{
    private const int FirstBytes = 4096;
    private const int VersionFieldBytes = 1 + sizeof(ulong);

    private byte[] _bytes = new byte[FirstBytes];
    private int _answerStart;
    private int _versionAt;

    /// <summary>Bytes so far.</summary>
    public int Length { get; private set; }

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Writes the message.</summary>
    /// <param name="frames">The message.</param>
    /// <param name="context">Where to.</param>
    public static void Serialize(OutgoingFrames frames, SerializationContext context)
    {
        context.SetPayloadLength(frames.Length);
        context.GetBufferWriter().Write(frames.Written);
        context.Complete();
    }

    /// <summary>Forgets what was written, and memory beyond a bound.</summary>
    /// <param name="keptBytesMax">The array is given up if it has grown larger.</param>
    public void Clear(int keptBytesMax)
    {
        Length = 0;
        if (_bytes.Length > keptBytesMax)
            _bytes = new byte[FirstBytes];
    }

    /// <summary>Appends a welcome.</summary>
    /// <param name="version">Version of the contract.</param>
    /// <param name="granted">What may be under way.</param>
    public void Welcome(uint version, StreamCredit granted)
    {
        int credit = granted.Size, welcome = WireWriter.SizeOfField(version) + WireWriter.SizeOfMessage(credit);
        WireWriter writer = BeginFrame(1, welcome);
        writer.Field(1, version);
        writer.BeginMessage(2, credit);
        granted.Write(writer);
    }

    /// <summary>Appends a refusal.</summary>
    /// <param name="id">The exchange's id, or 0.</param>
    /// <param name="code">Why.</param>
    /// <param name="message">A sentence a person can act on.</param>
    public void Refuse(ulong id, StatusCode code, string message)
    {
        int text = Encoding.UTF8.GetByteCount(message);
        WireWriter writer = BeginFrame(3, WireWriter.SizeOfField(id) + WireWriter.SizeOfField((ulong)code) + WireWriter.SizeOfBytes(text));
        writer.Field(1, id);
        writer.Field(2, (ulong)code);
        writer.Text(3, message, text);
    }

    /// <summary>Appends an answer, but for its version and values.</summary>
    /// <param name="id">The exchange's id.</param>
    /// <param name="duplicate">Whether its push had been applied before.</param>
    /// <param name="values">Number of values.</param>
    /// <returns>Where the values go; valid until the next append.</returns>
    public Span<float> BeginAnswer(ulong id, bool duplicate, int values)
    {
        _answerStart = Length;
        int bytes = values * sizeof(float);
        WireWriter writer = BeginFrame(2, checked(WireWriter.SizeOfField(id) + VersionFieldBytes + (duplicate ? 2 : 0) + WireWriter.SizeOfBytes(bytes)));
        writer.Field(1, id);
        GetSpan(VersionFieldBytes)[0] = (2 << 3) | 1;
        _versionAt = Length + 1;
        Advance(VersionFieldBytes);
        writer.Field(3, duplicate ? 1UL : 0);
        if (values == 0)
            return [];
        writer.BeginMessage(4, bytes);
        Span<byte> room = GetSpan(bytes)[..bytes];
        Advance(bytes);
        return MemoryMarshal.Cast<byte, float>(room);
    }

    /// <summary>Completes the answer begun last.</summary>
    /// <param name="version">The shard's version.</param>
    public void EndAnswer(long version) => BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(_versionAt), version);

    /// <summary>Takes the answer begun last back.</summary>
    public void UndoAnswer() => Length = _answerStart;

    /// <inheritdoc/>
    public void Advance(int count) => Length += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    private WireWriter BeginFrame(int number, int size)
    {
        var writer = new WireWriter(this);
        writer.BeginMessage(1, WireWriter.SizeOfMessage(size));
        writer.BeginMessage(number, size);
        return writer;
    }

    private void Reserve(int bytes)
    {
        int needed = checked(Length + Math.Max(bytes, 1));
        if (needed > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _bytes.Length)));
    }
}
