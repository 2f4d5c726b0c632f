namespace Grpc.Net.Client.Http2;

/// <summary>The fields that were added last, the newest at 0, within a bound of bytes (RFC 7541 §2.3.2). One thread at a time.</summary>
internal sealed class HeaderTable(int bytesMax)
{
    // A ring: the newest field is at _newest, older ones before it.
    private readonly HeaderField[] _fields = new HeaderField[Math.Max(1, bytesMax / HeaderField.OverheadBytes)];
    private int _newest;
    private int _bytes;

    /// <summary>The bound now in force, bytes.</summary>
    public int BytesMax { get; private set; } = bytesMax;

    public int Count { get; private set; }

    /// <summary>How many fields were ever added.</summary>
    public long Added { get; private set; }

    public HeaderField this[int index] => _fields[(_newest - index + _fields.Length) % _fields.Length];

    /// <summary>Adds a field in the place of as many old ones as it needs; one larger than the table empties it.</summary>
    public void Add(HeaderField field)
    {
        EvictTo(BytesMax - field.Size);
        if (field.Size > BytesMax)
            return;
        _newest = (_newest + 1) % _fields.Length;
        _fields[_newest] = field;
        _bytes += field.Size;
        Count++;
        Added++;
    }

    /// <param name="bytes">At most what the table was made with.</param>
    public void Resize(int bytes)
    {
        BytesMax = bytes;
        EvictTo(bytes);
    }

    private void EvictTo(int bytes)
    {
        while (Count > 0 && _bytes > bytes)
        {
            _bytes -= this[Count - 1].Size;
            Count--;
        }
    }
}
