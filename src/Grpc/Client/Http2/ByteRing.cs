using Grpc.Wire;

namespace Grpc.Net.Client.Http2;

/// <summary>Bytes that arrived before they were asked for, first in, first out. Grows by doubling up to what its writer may put in; one thread at a time.</summary>
internal sealed class ByteRing
{
    private const int BytesMin = 4096;

    /// <summary>What an empty ring keeps.</summary>
    private const int KeptBytesMax = 16 * 1024;

    private byte[] _bytes = [];
    private int _start;

    public int Count { get; private set; }

    public void Write(ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty)
            return;
        if (_bytes.Length - Count < source.Length)
            Grow(Count + source.Length);
        var end = (_start + Count) % _bytes.Length;
        var first = Math.Min(source.Length, _bytes.Length - end);
        source[..first].CopyTo(_bytes.AsSpan(end));
        source[first..].CopyTo(_bytes);
        Count += source.Length;
    }

    /// <summary>Moves as much as there is, or as fits.</summary>
    public int Read(Span<byte> destination)
    {
        var bytes = Math.Min(destination.Length, Count);
        Peek(destination[..bytes]);
        Count -= bytes;
        _start = Count == 0 ? 0 : (_start + bytes) % _bytes.Length;
        if (Count == 0 && _bytes.Length > KeptBytesMax)
            Release();
        return bytes;
    }

    /// <summary>Drops everything; the array goes back to the pool.</summary>
    public void Release()
    {
        if (_bytes.Length > 0)
            MessagePool.Return(_bytes);
        _bytes = [];
        _start = Count = 0;
    }

    /// <summary>Drops everything, for the next user.</summary>
    public void Clear()
    {
        if (_bytes.Length > KeptBytesMax)
            Release();
        _start = Count = 0;
    }

    private void Peek(Span<byte> destination)
    {
        var first = Math.Min(destination.Length, _bytes.Length - _start);
        _bytes.AsSpan(_start, first).CopyTo(destination);
        _bytes.AsSpan(0, destination.Length - first).CopyTo(destination[first..]);
    }

    private void Grow(int bytes)
    {
        var larger = MessagePool.Rent(Math.Max(Math.Max(bytes, BytesMin), 2 * _bytes.Length));
        Peek(larger.AsSpan(0, Count));
        if (_bytes.Length > 0)
            MessagePool.Return(_bytes);
        _bytes = larger;
        _start = 0;
    }
}
