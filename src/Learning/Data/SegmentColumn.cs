using DistSgd.Kernels;

namespace DistSgd.Learning.Data;

/// <summary>One column of a segment: the beginning of a native buffer that it owns, or a part of a mapped file that it doesn't.</summary>
internal sealed class SegmentColumn<T> : IDisposable
    where T : unmanaged
{
    private readonly NativeBuffer<T>? _buffer;
    private readonly MappedFile? _file;
    private readonly long _byteOffset;

    public SegmentColumn(NativeBuffer<T> buffer, int length)
    {
        _buffer = buffer;
        Length = length;
    }

    public SegmentColumn(MappedFile file, long byteOffset, int length)
    {
        _file = file;
        _byteOffset = byteOffset;
        Length = length;
    }

    public int Length { get; }

    public ReadOnlySpan<T> Span => _buffer is not null ? _buffer.AsSpan(0, Length) : _file!.Span<T>(_byteOffset, Length);

    public void Dispose() => _buffer?.Dispose();
}
