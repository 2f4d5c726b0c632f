using System.Text;

namespace Grpc.Net.Client.Http2;

/// <summary>Strings of header blocks (RFC 7541 §5.2). Short ones that come again are the same object again. One thread at a time.</summary>
internal sealed class HeaderText
{
    private const int KeptStringsMax = 256;
    private const int KeptLengthMax = 64;

    // By hash; a newcomer takes the place of the one before.
    private readonly string?[] _kept = new string?[KeptStringsMax];
    private byte[] _decoded = [];

    /// <exception cref="ProtocolViolationException">The string is cut off, too long or no Huffman code.</exception>
    public string Read(ref ReadOnlySpan<byte> block)
    {
        var isHuffman = !block.IsEmpty && (block[0] & 0x80) != 0;
        var bytes = HpackInteger.Read(ref block, prefixBits: 7);
        if (bytes > block.Length)
            throw HpackDecoder.Malformed($"a string of {bytes} bytes has {block.Length}");
        var text = block[..bytes];
        block = block[bytes..];
        return isHuffman ? Intern(Decode(text)) : Intern(text);
    }

    private ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> text)
    {
        // The shortest code has 5 bits.
        var bytesMax = Math.Min(text.Length * 8 / 5, Http2Limits.HeaderListBytesMax);
        if (_decoded.Length < bytesMax)
            _decoded = new byte[bytesMax];
        var decoded = HuffmanCode.Decode(text, _decoded);
        return decoded >= 0 ? _decoded.AsSpan(0, decoded) : throw HpackDecoder.Malformed("a string is no Huffman code, or too long");
    }

    private string Intern(ReadOnlySpan<byte> text)
    {
        if (text.Length > KeptLengthMax)
            return Encoding.Latin1.GetString(text);
        uint hash = 2166136261;
        foreach (var octet in text)
            hash = (hash ^ octet) * 16777619;
        ref var kept = ref _kept[(hash ^ hash >> 16) % KeptStringsMax];
        if (kept is null || !Ascii.Equals(text, kept))
            kept = Encoding.Latin1.GetString(text);
        return kept;
    }
}
