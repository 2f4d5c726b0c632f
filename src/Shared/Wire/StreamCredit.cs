namespace DistSgd.Shared.Wire;

/// <summary>What may be under way on a stream at once: Credit of <c>parameters.proto</c>. In a wish, 0 leaves a field to the server.</summary>
/// <param name="Exchanges">Exchanges sent and not yet answered.</param>
/// <param name="Bytes">Bytes of those exchanges and of their answers' values; one exchange alone may always be under way.</param>
/// <param name="KeySets">Numbers for key sets.</param>
/// <param name="KeySetBytes">Bytes of key sets kept for the stream, at 4 a key.</param>
/// <param name="ExchangeBytes">Bytes of one message, of one exchange's decoded keys, of one answer's values.</param>
public readonly record struct StreamCredit(uint Exchanges, long Bytes, uint KeySets, long KeySetBytes, long ExchangeBytes)
{
    internal int Size =>
        WireWriter.SizeOfField(Exchanges) + WireWriter.SizeOfField((ulong)Bytes) + WireWriter.SizeOfField(KeySets)
        + WireWriter.SizeOfField((ulong)KeySetBytes) + WireWriter.SizeOfField((ulong)ExchangeBytes);

    internal void Write(WireWriter writer)
    {
        writer.Field(1, Exchanges);
        writer.Field(2, (ulong)Bytes);
        writer.Field(3, KeySets);
        writer.Field(4, (ulong)KeySetBytes);
        writer.Field(5, (ulong)ExchangeBytes);
    }

    internal static StreamCredit Read(ref WireReader reader, int end)
    {
        Span<ulong> fields = stackalloc ulong[6];
        while (reader.TryField(end, out int number, out int wireType))
        {
            if (number < fields.Length && wireType == 0)
                fields[number] = reader.Varint();
            else
                reader.Skip(wireType);
        }
        return new StreamCredit((uint)Math.Min(fields[1], int.MaxValue), Bounded(fields[2]), (uint)Math.Min(fields[3], int.MaxValue), Bounded(fields[4]), Bounded(fields[5]));

        static long Bounded(ulong bytes) => (long)Math.Min(bytes, long.MaxValue / 4);
    }
}
