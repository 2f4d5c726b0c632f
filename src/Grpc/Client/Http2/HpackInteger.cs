namespace Grpc.Net.Client.Http2;

/// <summary>Numbers of header blocks (RFC 7541 §5.1): in the lowest bits of a byte, or, where they don't fit, in 7 bits of each byte that follows.</summary>
internal static class HpackInteger
{
    private const int Continues = 0x80;

    // 28 bits beyond the prefix are far more than any length or index may have.
    private const int ShiftMax = 21;

    /// <exception cref="ProtocolViolationException">The number is cut off or absurdly large.</exception>
    public static int Read(ref ReadOnlySpan<byte> source, int prefixBits)
    {
        if (source.IsEmpty)
            throw HpackDecoder.Malformed("it ends where a length was expected");
        var most = (1 << prefixBits) - 1;
        var value = source[0] & most;
        source = source[1..];
        if (value < most)
            return value;
        for (var shift = 0; shift <= ShiftMax; shift += 7)
        {
            if (source.IsEmpty)
                throw HpackDecoder.Malformed("it ends within a number");
            var part = source[0];
            source = source[1..];
            value += (part & ~Continues) << shift;
            if ((part & Continues) == 0)
                return value;
        }
        throw HpackDecoder.Malformed("a number has more than 28 bits");
    }

    /// <param name="destination">Where to.</param>
    /// <param name="pattern">The bits above the prefix.</param>
    /// <param name="prefixBits">How many of the first byte's bits are the number's.</param>
    /// <param name="value">At least 0.</param>
    public static void Write(OutgoingBuffer destination, int pattern, int prefixBits, int value)
    {
        var most = (1 << prefixBits) - 1;
        if (value < most)
        {
            destination.Add((byte)(pattern | value));
            return;
        }
        destination.Add((byte)(pattern | most));
        for (value -= most; value >= Continues; value >>= 7)
            destination.Add((byte)(value & ~Continues | Continues));
        destination.Add((byte)value);
    }
}
