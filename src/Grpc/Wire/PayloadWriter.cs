using System.Buffers;
using Grpc.Core;

namespace Grpc.Wire;

/// <summary>
/// Collects one framed message (header and payload) in one pooled array. Where the serializer announces its length the
/// array is exact and nothing is copied; else it grows by doubling. One thread at a time; reusable after <see cref="Take"/>.
/// </summary>
internal sealed class PayloadWriter : SerializationContext, IBufferWriter<byte>
{
    private const int InitialBytes = 512;

    private readonly int? _limitBytes;
    private byte[] _buffer = [];
    private int _written;
    private int? _announcedBytes;
    private bool _isComplete;

    public PayloadWriter(int? limitBytes) => _limitBytes = limitBytes;

    /// <summary>Serializes a message, and compresses it where a compressor is given; the caller returns the result.</summary>
    public FramedMessage Serialize<T>(Marshaller<T> marshaller, T message, MessageCompressor? compressor)
    {
        var plain = Serialize(marshaller, message);
        if (compressor is null)
            return plain;
        try
        {
            return compressor.Compress(plain);
        }
        finally
        {
            plain.Return();
        }
    }

    private FramedMessage Serialize<T>(Marshaller<T> marshaller, T message)
    {
        Begin();
        try
        {
            marshaller.ContextualSerializer(message, this);
            if (!_isComplete)
                throw new InvalidOperationException($"The serializer of {typeof(T)} returned without calling Complete.");
            return Take();
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Starts a message.</summary>
    public void Begin()
    {
        _written = MessageFraming.HeaderBytes;
        _announcedBytes = null;
        _isComplete = false;
    }

    /// <summary>Hands the completed message over.</summary>
    public FramedMessage Take()
    {
        var message = new FramedMessage(_buffer, _written);
        _buffer = [];
        return message;
    }

    /// <summary>Gives back what an uncompleted message holds.</summary>
    public void Release()
    {
        if (_buffer.Length > 0)
            MessagePool.Return(_buffer);
        _buffer = [];
    }

    public override void SetPayloadLength(int payloadLength)
    {
        MessageFraming.CheckSendLimit(payloadLength, _limitBytes);
        _announcedBytes = payloadLength;
        Reserve(payloadLength);
    }

    public override IBufferWriter<byte> GetBufferWriter() => this;

    public override void Complete(byte[] payload)
    {
        SetPayloadLength(payload.Length);
        payload.CopyTo(_buffer, _written);
        _written += payload.Length;
        Complete();
    }

    public override void Complete()
    {
        var payloadBytes = _written - MessageFraming.HeaderBytes;
        if (_announcedBytes is { } announced && announced != payloadBytes)
            throw new InvalidOperationException($"The serializer announced {announced} bytes and wrote {payloadBytes}.");
        MessageFraming.CheckSendLimit(payloadBytes, _limitBytes);
        Reserve(0);
        MessageFraming.WriteHeader(_buffer, payloadBytes);
        _isComplete = true;
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _written);
        _written += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_written);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsSpan(_written);
    }

    private void Reserve(int bytes)
    {
        var needed = (long)_written + bytes;
        if (needed <= _buffer.Length)
            return;
        if (needed > Array.MaxLength)
            throw MessageFraming.Failure(StatusCode.ResourceExhausted, $"A message can't exceed {Array.MaxLength} bytes; this one needs {needed}.");
        // An announced length, or a first write, is taken as it is; only later growth doubles.
        var size = _announcedBytes is null ? Math.Max(Math.Max(needed, InitialBytes), Math.Min(2L * _buffer.Length, Array.MaxLength)) : needed;
        var larger = MessagePool.Rent((int)size);
        if (_buffer.Length > 0)
        {
            _buffer.AsSpan(0, _written).CopyTo(larger);
            MessagePool.Return(_buffer);
        }
        _buffer = larger;
    }
}

/// <summary>A header and its payload in a pooled array. Whoever holds it returns it, once.</summary>
internal readonly record struct FramedMessage(byte[] Buffer, int Bytes)
{
    public ReadOnlyMemory<byte> Memory => Buffer.AsMemory(0, Bytes);

    public void Return() => MessagePool.Return(Buffer);
}
