using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace DistSgd.Shared.Wire;

/// <summary>
/// Writes protobuf fields straight into a transport's buffers. As proto3 does, fields at their default are left out; sizes are computed by
/// the <c>Size…</c> functions before anything is written, since a nested message's length stands before it.
/// </summary>
internal readonly ref struct WireWriter(IBufferWriter<byte> output)
{
    private const int VarintBytesMax = 10;

    public static int SizeOfVarint(ulong value) => (BitOperations.Log2(value | 1) + 7) / 7;

    // Field numbers here are below 16: every tag is one byte.
    public static int SizeOfField(ulong value) => value == 0 ? 0 : 1 + SizeOfVarint(value);

    public static int SizeOfFixed(bool isDefault) => isDefault ? 0 : 9;

    public static int SizeOfBytes(int length) => length == 0 ? 0 : SizeOfMessage(length);

    public static int SizeOfMessage(int length) => 1 + SizeOfVarint((ulong)length) + length;

    public void Field(int number, ulong value)
    {
        if (value == 0)
            return;
        Varint((ulong)(number << 3));
        Varint(value);
    }

    public void Fixed64(int number, ulong value)
    {
        if (value == 0)
            return;
        Varint((ulong)(number << 3 | 1));
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    public void Double(int number, double value) => Fixed64(number, value == 0 ? 0 : BitConverter.DoubleToUInt64Bits(value));

    public void BeginMessage(int number, int length)
    {
        Varint((ulong)(number << 3 | 2));
        Varint((ulong)length);
    }

    public void Text(int number, string text, int bytes)
    {
        if (bytes == 0)
            return;
        BeginMessage(number, bytes);
        Encoding.UTF8.GetBytes(text, output.GetSpan(bytes));
        output.Advance(bytes);
    }

    public void Floats(int number, ReadOnlySpan<float> values)
    {
        if (values.Length == 0)
            return;
        BeginMessage(number, values.Length * sizeof(float));
        output.Write(MemoryMarshal.AsBytes(values));
    }

    public void Bytes(int number, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
            return;
        BeginMessage(number, bytes.Length);
        output.Write(bytes);
    }

    private void Varint(ulong value)
    {
        Span<byte> room = output.GetSpan(VarintBytesMax);
        int length = 0;
        for (; value > 0x7F; value >>= 7)
            room[length++] = (byte)(value | 0x80);
        room[length++] = (byte)value;
        output.Advance(length);
    }
}
