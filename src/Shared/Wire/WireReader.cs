using System.Buffers.Binary;
using System.Text;

namespace DistSgd.Shared.Wire;

/// <summary>A part of a message: where its bytes lie.</summary>
/// <param name="Start">First byte, counted from the message's first.</param>
/// <param name="Length">Number of bytes.</param>
public readonly record struct WirePart(int Start, int Length)
{
    /// <summary>One past the last byte.</summary>
    public int End => Start + Length;
}

/// <summary>Reads protobuf fields where they lie; unknown fields are skipped. Bytes and nested messages are given as places, not copies.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;

    /// <summary>The next byte.</summary>
    public int Position { get; set; }

    /// <summary>Reads the next field's number and wire type; false at the given end.</summary>
    public bool TryField(int end, out int number, out int wireType)
    {
        (number, wireType) = (0, 0);
        if (Position >= end)
        {
            if (Position > end)
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
            if (Position >= _message.Length)
                throw Truncated();
            byte part = _message[Position++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("a number is longer than 10 bytes");
    }

    public ulong Fixed64()
    {
        if (_message.Length - Position < sizeof(ulong))
            throw Truncated();
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(_message[Position..]);
        Position += sizeof(ulong);
        return value;
    }

    public double Double() => BitConverter.UInt64BitsToDouble(Fixed64());

    /// <summary>Reads a length and returns the position at which the nested message ends.</summary>
    public int End()
    {
        ulong length = Varint();
        return length <= (ulong)(_message.Length - Position) ? Position + (int)length : throw Truncated();
    }

    /// <summary>Bytes; passed over.</summary>
    public WirePart Bytes()
    {
        int end = End();
        var part = new WirePart(Position, end - Position);
        Position = end;
        return part;
    }

    /// <summary>Bytes that hold elements of 4 bytes each; passed over.</summary>
    public WirePart Elements(string what)
    {
        WirePart part = Bytes();
        return part.Length % sizeof(float) == 0 ? part : throw new InvalidDataException($"{what} are {part.Length} bytes long, not a multiple of 4");
    }

    public string Text()
    {
        WirePart part = Bytes();
        return Encoding.UTF8.GetString(_message.Slice(part.Start, part.Length));
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
                Position = End();
                break;
            case 5:
                Advance(4);
                break;
            default:
                throw new InvalidDataException($"a field has the unknown wire type {wireType}");
        }
    }

    private void Advance(int bytes)
    {
        if (bytes > _message.Length - Position)
            throw Truncated();
        Position += bytes;
    }

    private static InvalidDataException Truncated() => new("the message ends in the middle of a field");
}
