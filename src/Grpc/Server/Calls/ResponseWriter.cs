using System.Buffers;
using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Wire;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>
/// Serializes messages into the response body. A serializer that announces its length writes straight into the transport's buffers;
/// any other goes through one pooled array. One message at a time.
/// </summary>
internal sealed class ResponseWriter(PipeWriter body, int? limitBytes, MessageShare? share) : SerializationContext, IBufferWriter<byte>
{
    private PayloadWriter? _unannounced;
    private int? _announcedBytes;
    private int _writtenBytes;
    private bool _isComplete;

    /// <summary>Whether a message stands half-written in the body, so that no trailers may follow.</summary>
    public bool IsBroken { get; private set; }

    public void Write<T>(Marshaller<T> marshaller, T message)
    {
        _announcedBytes = null;
        _unannounced = null;
        _writtenBytes = 0;
        _isComplete = false;
        try
        {
            marshaller.ContextualSerializer(message, this);
            if (!_isComplete)
                throw new InvalidOperationException($"The serializer of {typeof(T)} returned without calling Complete.");
            IsBroken = false;
        }
        finally
        {
            _unannounced?.Release();
        }
    }

    /// <summary>Writes a message compressed, through pooled arrays.</summary>
    public void Write<T>(Marshaller<T> marshaller, T message, MessageCompressor compressor)
    {
        var framed = new PayloadWriter(limitBytes).Serialize(marshaller, message, compressor);
        try
        {
            share?.HoldResponse(framed.Bytes);
            body.Write(framed.Memory.Span);
        }
        finally
        {
            framed.Return();
        }
    }

    public override void SetPayloadLength(int payloadLength)
    {
        MessageFraming.CheckSendLimit(payloadLength, limitBytes);
        if (_announcedBytes is not null || _unannounced is not null)
            throw new InvalidOperationException("SetPayloadLength must come first, and once.");
        share?.HoldResponse(payloadLength);
        _announcedBytes = payloadLength;
    }

    public override IBufferWriter<byte> GetBufferWriter()
    {
        if (_announcedBytes is not { } payloadBytes)
            return _unannounced ??= StartUnannounced();
        if (!IsBroken)
            WriteHeader(payloadBytes);
        return this;
    }

    public override void Complete(byte[] payload)
    {
        _announcedBytes = null;
        SetPayloadLength(payload.Length);
        GetBufferWriter().Write(payload);
        Complete();
    }

    public override void Complete()
    {
        if (_unannounced is { } part)
            WritePart(part);
        else if (!IsBroken)
            WriteHeader(_announcedBytes ?? 0);
        if (_writtenBytes != _announcedBytes)
            throw new InvalidOperationException($"The serializer announced {_announcedBytes} bytes and wrote {_writtenBytes}.");
        _isComplete = true;
    }

    public void Advance(int count)
    {
        body.Advance(count);
        _writtenBytes += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => body.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => body.GetSpan(sizeHint);

    private PayloadWriter StartUnannounced()
    {
        var part = new PayloadWriter(limitBytes);
        part.Begin();
        return part;
    }

    private void WriteHeader(int payloadBytes)
    {
        _announcedBytes = payloadBytes;
        IsBroken = true;
        MessageFraming.WriteHeader(body.GetSpan(MessageFraming.HeaderBytes), payloadBytes);
        body.Advance(MessageFraming.HeaderBytes);
    }

    private void WritePart(PayloadWriter part)
    {
        part.Complete();
        var message = part.Take();
        try
        {
            share?.HoldResponse(message.Bytes);
            IsBroken = true;
            body.Write(message.Memory.Span);
            _announcedBytes = _writtenBytes = message.Bytes - MessageFraming.HeaderBytes;
        }
        finally
        {
            message.Return();
        }
    }
}
