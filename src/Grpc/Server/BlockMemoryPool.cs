using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Grpc.AspNetCore.Server;

/// <summary>
/// Memory for Kestrel's pipelines in blocks of 64 KiB instead of its own 4 KiB: a large message takes a sixteenth of the segments, and a socket
/// read takes up to a whole block. One pool for the whole host. Thread-safe.
/// </summary>
internal sealed class BlockMemoryPool : MemoryPool<byte>
{
    public const int BlockBytes = 64 * 1024;

    /// <summary>What the pool keeps at most for reuse; what exceeds it is left to the garbage collector.</summary>
    private const int KeptBlocksMax = 1024;

    /// <summary>After so many left blocks, and not too often, they are collected: by itself the collector lets gigabytes lie after a flood, and doesn't give them back.</summary>
    private const int LeftBlocksMax = 4096;

    private readonly ConcurrentQueue<Block> _kept = new();

    // The number of blocks in the queue, or a little more while one is being added. Interlocked.
    private int _keptBlocks;

    private static readonly TimeSpan BetweenCollections = TimeSpan.FromSeconds(10);

    // Blocks left since the last collection, and 1 while one is under way or waits for its time. Interlocked.
    private int _leftBlocks;
    private int _isCollecting;
    private long _collectedAt;

    // Blocks handed out and not yet back. Interlocked.
    private int _rentedBlocks;

    public int KeptBlocks => Volatile.Read(ref _keptBlocks);

    public int RentedBlocks => Volatile.Read(ref _rentedBlocks);

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        Interlocked.Increment(ref _rentedBlocks);
        if (!_kept.TryDequeue(out var block))
            return new Block(this);
        Interlocked.Decrement(ref _keptBlocks);
        block.Reuse();
        return block;
    }

    // The pool outlives the connections that Kestrel disposes it with: it belongs to the host.
    protected override void Dispose(bool disposing)
    {
    }

    private void Keep(Block block)
    {
        Interlocked.Decrement(ref _rentedBlocks);
        if (Interlocked.Increment(ref _keptBlocks) <= KeptBlocksMax)
        {
            _kept.Enqueue(block);
            return;
        }
        Interlocked.Decrement(ref _keptBlocks);
        if (Interlocked.Increment(ref _leftBlocks) >= LeftBlocksMax && Interlocked.Exchange(ref _isCollecting, 1) == 0)
            _ = CollectAsync();
    }

    private async Task CollectAsync()
    {
        var wait = _collectedAt == 0 ? TimeSpan.Zero : BetweenCollections - Stopwatch.GetElapsedTime(_collectedAt);
        await Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Volatile.Write(ref _leftBlocks, 0);
        _collectedAt = Stopwatch.GetTimestamp();
        Volatile.Write(ref _isCollecting, 0);
    }

    private sealed class Block(BlockMemoryPool pool) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

        // 1 while rented; a second dispose must not put the block into the pool twice.
        private int _isRented = 1;

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_bytes, 0, BlockBytes);

        public void Reuse() => Volatile.Write(ref _isRented, 1);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isRented, 0) == 1)
                pool.Keep(this);
        }
    }
}

/// <summary>Gives Kestrel the host's one pool.</summary>
internal sealed class BlockMemoryPoolFactory : IMemoryPoolFactory<byte>
{
    private readonly BlockMemoryPool _pool = new();

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => _pool;
}
