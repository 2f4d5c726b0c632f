using System.Buffers;
using DistSgd.Kernels;

namespace DistSgd.Shared.Wire;

/// <summary>
/// Memory for one message: rented where it is small, and where it is large the operating system's, which has it back at once. A pool would keep the large
/// ones, by thread and processor, and the garbage collector lets them lie.
/// </summary>
/// <typeparam name="T">Element type.</typeparam>
/// <param name="length">Number of elements.</param>
public sealed class MessageMemory<T>(int length) : IDisposable
    where T : unmanaged
{
    private const int RentedMax = 1 << 20;

    private readonly NativeBuffer<T>? _native = length > RentedMax ? new NativeBuffer<T>(length) : null;
    private T[]? _rented = length > RentedMax ? null : ArrayPool<T>.Shared.Rent(length);

    /// <summary>The elements; only until the memory is disposed.</summary>
    public Span<T> Span => _native is not null ? _native.AsSpan(0, length) : _rented.AsSpan(0, length);

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        _native?.Dispose();
        if (Interlocked.Exchange(ref _rented, null) is { } rented)
            ArrayPool<T>.Shared.Return(rented);
    }
}
