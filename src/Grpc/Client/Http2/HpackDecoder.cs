namespace Grpc.Net.Client.Http2;

/// <summary>Reads a connection's header blocks, one after the other (RFC 7541). One thread at a time.</summary>
internal sealed class HpackDecoder
{
    private readonly HeaderTable _table = new(Http2Limits.HeaderTableBytes);
    private readonly HeaderText _text = new();

    /// <summary>Adds the block's fields to a list.</summary>
    /// <exception cref="ProtocolViolationException">The block is malformed, or its fields are larger than a header list may be.</exception>
    public void Decode(ReadOnlySpan<byte> block, List<HeaderField> fields)
    {
        var listBytes = 0;
        var mayResize = true;
        while (!block.IsEmpty)
        {
            var first = block[0];
            if ((first & 0xe0) == 0x20)
            {
                Resize(HpackInteger.Read(ref block, prefixBits: 5), mayResize);
                continue;
            }
            mayResize = false;
            var field = ReadField(ref block, first);
            listBytes += field.Size;
            if (listBytes > Http2Limits.HeaderListBytesMax)
                throw new ProtocolViolationException(Http2Error.EnhanceYourCalm, $"It sent headers of more than {Http2Limits.HeaderListBytesMax} bytes.");
            fields.Add(field);
        }
    }

    private HeaderField ReadField(ref ReadOnlySpan<byte> block, byte first)
    {
        if ((first & 0x80) != 0)
            return Find(HpackInteger.Read(ref block, prefixBits: 7));
        var isIndexed = (first & 0x40) != 0;
        var nameIndex = HpackInteger.Read(ref block, isIndexed ? 6 : 4);
        var name = nameIndex > 0 ? Find(nameIndex).Name : _text.Read(ref block);
        var field = new HeaderField(name, _text.Read(ref block));
        if (isIndexed)
            _table.Add(field);
        return field;
    }

    private HeaderField Find(int index)
    {
        if (index is 0 || index > StaticTable.Count + _table.Count)
            throw Malformed($"a header has the index {index}, the table has {StaticTable.Count + _table.Count} entries");
        return index <= StaticTable.Count ? StaticTable.Get(index) : _table[index - StaticTable.Count - 1];
    }

    private void Resize(int bytes, bool mayResize)
    {
        if (!mayResize || bytes > Http2Limits.HeaderTableBytes)
            throw Malformed($"its header table is set to {bytes} bytes, at a wrong place or above {Http2Limits.HeaderTableBytes}");
        _table.Resize(bytes);
    }

    public static ProtocolViolationException Malformed(string what) => new(Http2Error.CompressionError, $"It sent a malformed header block: {what}.");
}
