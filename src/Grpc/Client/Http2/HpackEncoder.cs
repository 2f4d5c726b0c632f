namespace Grpc.Net.Client.Http2;

/// <summary>
/// Writes a connection's header blocks (RFC 7541): fields that came before cost a byte or two. One thread at a time, in the order in which the
/// blocks are sent.
/// </summary>
internal sealed class HpackEncoder
{
    private const int Indexed = 0x80;
    private const int Added = 0x40;
    private const int TableSize = 0x20;
    private const int NeverIndexed = 0x10;
    private const int NotIndexed = 0;

    private readonly HeaderTable _table = new(Http2Limits.HeaderTableBytes);

    // When each field, and each name, was added last, counted from 1; what has been evicted since is found out by its age.
    private readonly Dictionary<HeaderField, long> _fields = [];
    private readonly Dictionary<string, long> _names = new(StringComparer.Ordinal);

    // The smallest size that the table had since the last block; the table's own size where it wasn't resized, or only once.
    private int _leastBytes = Http2Limits.HeaderTableBytes;
    private bool _hasResized;

    /// <summary>Begins a block: says how the table's size has changed, the smallest size first where it grew again (RFC 7541 §4.2).</summary>
    public void Begin(OutgoingBuffer destination)
    {
        if (!_hasResized)
            return;
        if (_leastBytes < _table.BytesMax)
            HpackInteger.Write(destination, TableSize, 5, _leastBytes);
        HpackInteger.Write(destination, TableSize, 5, _table.BytesMax);
        _hasResized = false;
        _leastBytes = _table.BytesMax;
    }

    /// <summary>The decoder's table became smaller, or larger, but not beyond what this encoder uses.</summary>
    public void Resize(int bytes)
    {
        bytes = Math.Min(bytes, Http2Limits.HeaderTableBytes);
        if (bytes == _table.BytesMax)
            return;
        _table.Resize(bytes);
        _hasResized = true;
        _leastBytes = Math.Min(_leastBytes, bytes);
    }

    /// <summary>A field that is likely to come again.</summary>
    public void Write(OutgoingBuffer destination, string name, string value)
    {
        var field = new HeaderField(name, value);
        var index = StaticTable.Find(field);
        if (index == 0 && _fields.TryGetValue(field, out var added))
            index = IndexOf(added);
        if (index > 0)
        {
            HpackInteger.Write(destination, Indexed, 7, index);
            return;
        }
        WriteLiteral(destination, Added, 6, name, value);
        Add(field);
    }

    /// <summary>A field whose value is another each time; only its name is kept.</summary>
    public void WriteChanging(OutgoingBuffer destination, string name, ReadOnlySpan<byte> value)
    {
        var index = FindName(name);
        var isNew = index == 0;
        WriteName(destination, isNew ? Added : NotIndexed, isNew ? 6 : 4, name, index);
        HpackInteger.Write(destination, 0, 7, value.Length);
        destination.Add(value);
        if (isNew)
            Add(new HeaderField(name, System.Text.Encoding.Latin1.GetString(value)));
    }

    /// <summary>A field that is nobody else's to know: it goes into no table, here or at a proxy (RFC 7541 §7.1.3).</summary>
    public void WriteSecret(OutgoingBuffer destination, string name, string value) => WriteLiteral(destination, NeverIndexed, 4, name, value);

    private void WriteLiteral(OutgoingBuffer destination, int pattern, int prefixBits, string name, string value)
    {
        WriteName(destination, pattern, prefixBits, name, FindName(name));
        HpackInteger.Write(destination, 0, 7, value.Length);
        destination.Add(value);
    }

    private static void WriteName(OutgoingBuffer destination, int pattern, int prefixBits, string name, int index)
    {
        HpackInteger.Write(destination, pattern, prefixBits, index);
        if (index > 0)
            return;
        HpackInteger.Write(destination, 0, 7, name.Length);
        destination.Add(name);
    }

    private int FindName(string name)
    {
        var index = StaticTable.FindName(name);
        return index == 0 && _names.TryGetValue(name, out var added) ? IndexOf(added) : index;
    }

    /// <summary>The number of the field that was added so many-th; 0 where it is no longer in the table.</summary>
    private int IndexOf(long added)
    {
        var age = _table.Added - added;
        return age < _table.Count ? StaticTable.Count + 1 + (int)age : 0;
    }

    private void Add(HeaderField field)
    {
        if (_fields.Count >= 2 * Http2Limits.HeaderTableBytes / HeaderField.OverheadBytes)
            Forget();
        _table.Add(field);
        if (field.Size > _table.BytesMax)
            return;
        _fields[field] = _table.Added;
        _names[field.Name] = _table.Added;
    }

    /// <summary>Drops what has left the table.</summary>
    private void Forget()
    {
        foreach (var (field, added) in _fields)
        {
            if (IndexOf(added) == 0)
                _fields.Remove(field);
        }
        foreach (var (name, added) in _names)
        {
            if (IndexOf(added) == 0)
                _names.Remove(name);
        }
    }
}
