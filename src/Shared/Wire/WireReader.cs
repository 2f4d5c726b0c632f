using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace DistSgd.Shared.Wire;

/// <summary>Reads protobuf fields straight from a transport's buffers; unknown fields are skipped.</summary>
internal ref struct WireReader(ReadOnlySequence<byte> payload)
{
    private SequenceReader<byte> _reader = new(payload);

    /// <summary>Bytes consumed so far.</summary>
    public readonly long Position => _reader.Consumed;

    /// <summary>Reads the next field's number and wire type; false at the given end.</summary>
    public bool TryField(long end, out int number, out int wireType)
    {
        (number, wireType) = (0, 0);
        if (_reader.Consumed >= end)
        {
            if (_reader.Consumed > end)
                throw new InvalidDataException("a field reaches beyond its message");
            return false;
        }
        ulong tag = Varint();
        number = (int)Math.Min(tag >> 3, int.MaxValue);
        wireType = (int)(tag & 7);
        return number != 0 ? true : throw new InvalidDataException("a field has the number 0");
    }

    public ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (!_reader.TryRead(out byte part))
                throw Truncated();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("a number is longer than 10 bytes");
    }

    public ulong Fixed64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!_reader.TryCopyTo(bytes))
            throw Truncated();
        _reader.Advance(sizeof(ulong));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public double Double() => BitConverter.UInt64BitsToDouble(Fixed64());

    /// <summary>Reads a length and returns the position at which the nested message or bytes end.</summary>
    public long End()
    {
        ulong length = Varint();
        return length <= (ulong)_reader.Remaining ? _reader.Consumed + (long)length : throw Truncated();
    }

    public string Text()
    {
        long end = End();
        string text = Encoding.UTF8.GetString(_reader.UnreadSequence.Slice(0, end - _reader.Consumed));
        _reader.Advance(end - _reader.Consumed);
        return text;
    }

    /// <summary>Number of 4-byte elements in the bytes that follow, to be read with <see cref="Copy{T}"/>.</summary>
    public int Elements(string what)
    {
        long length = End() - _reader.Consumed;
        return length % sizeof(float) == 0 ? (int)(length / sizeof(float)) : throw new InvalidDataException($"{what} are {length} bytes long, not a multiple of 4");
    }

    /// <summary>Copies little-endian elements, once, from the transport's buffers.</summary>
    public void Copy<T>(Span<T> elements)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(elements);
        if (!_reader.TryCopyTo(bytes))
            throw Truncated();
        _reader.Advance(bytes.Length);
    }

    public void Skip(int wireType)
    {
        switch (wireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                Advance(8);
                break;
            case 2:
                Advance(End() - _reader.Consumed);
                break;
            case 5:
                Advance(4);
                break;
            default:
                throw new InvalidDataException($"a field has the unknown wire type {wireType}");
        }
    }

    private void Advance(long bytes)
    {
        if (bytes > _reader.Remaining)
            throw Truncated();
        _reader.Advance(bytes);
    }

    private static InvalidDataException Truncated() => new("the message ends in the middle of a field");
}
