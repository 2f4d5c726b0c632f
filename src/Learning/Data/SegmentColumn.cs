using System.Runtime.InteropServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Data;

/// <summary>One column of a segment: the beginning of a native buffer that it owns, or a part of a cache's memory that it doesn't.</summary>
internal sealed class SegmentColumn<T> : IDisposable
    where T : unmanaged
{
    private readonly NativeBuffer<T>? _buffer;
    private readonly NativeBuffer<byte>? _cache;
    private readonly long _byteOffset;
    private readonly int _bytes;

    public SegmentColumn(NativeBuffer<T> buffer, int length)
    {
        _buffer = buffer;
        Length = length;
    }

    public SegmentColumn(NativeBuffer<byte> cache, long byteOffset, long bytes)
    {
        _cache = cache;
        _byteOffset = byteOffset;
        _bytes = checked((int)bytes);
        Length = Span.Length;
    }

    public int Length { get; }

    public ReadOnlySpan<T> Span => _buffer is not null ? _buffer.AsSpan(0, Length) : MemoryMarshal.Cast<byte, T>(_cache!.AsSpan(_byteOffset, _bytes));

    public void Dispose() => _buffer?.Dispose();
}
