using System.Buffers;
using System.Numerics;

namespace Grpc.Wire;

/// <summary>
/// Arrays for whole messages. The shared array pool keeps large arrays by thread, so that a call that hops between threads misses it and allocates
/// megabytes; this one keeps them by size for all threads, the last returned first. Capacities are powers of two and a little, so that a
/// power-of-two payload fits with its header. Thread-safe.
/// </summary>
internal static class MessagePool
{
    /// <summary>What is kept for reuse at most, bytes; what exceeds it is left to the garbage collector.</summary>
    public const long KeptBytesMax = 128L << 20;

    private const int SmallBytesMax = 16 * 1024;
    private const int SlackBytes = 4096;
    private const int Sizes = 31;

    private static readonly Bucket[] Buckets = [.. Enumerable.Range(0, Sizes).Select(_ => new Bucket())];

    // Sum of the lengths in all buckets, or a little more while one is being added. Interlocked.
    private static long _keptBytes;

    public static long KeptBytes => Interlocked.Read(ref _keptBytes);

    /// <summary>An array of at least so many bytes.</summary>
    public static byte[] Rent(int bytes)
    {
        if (bytes <= SmallBytesMax)
            return ArrayPool<byte>.Shared.Rent(bytes);
        var size = SizeOf(bytes);
        if (size >= Sizes)
            return GC.AllocateUninitializedArray<byte>(bytes);
        if (Buckets[size].TryTake() is not { } kept)
            return GC.AllocateUninitializedArray<byte>(CapacityOf(size));
        Interlocked.Add(ref _keptBytes, -kept.Length);
        return kept;
    }

    /// <summary>Takes back what Rent gave, once.</summary>
    public static void Return(byte[] array)
    {
        if (array.Length <= SmallBytesMax)
        {
            ArrayPool<byte>.Shared.Return(array);
            return;
        }
        var size = SizeOf(array.Length);
        if (size >= Sizes || CapacityOf(size) != array.Length)
            return;
        if (Interlocked.Add(ref _keptBytes, array.Length) <= KeptBytesMax)
            Buckets[size].Keep(array);
        else
            Interlocked.Add(ref _keptBytes, -array.Length);
    }

    private static int SizeOf(int bytes) => BitOperations.Log2((uint)Math.Max(bytes - SlackBytes - 1, 1)) + 1;

    private static int CapacityOf(int size) => (int)Math.Min((1L << size) + SlackBytes, Array.MaxLength);

    private sealed class Bucket
    {
        private readonly Lock _gate = new();
        private readonly Stack<byte[]> _kept = new();

        public byte[]? TryTake()
        {
            lock (_gate)
                return _kept.TryPop(out var array) ? array : null;
        }

        public void Keep(byte[] array)
        {
            lock (_gate)
                _kept.Push(array);
        }
    }
}
