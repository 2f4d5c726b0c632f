using DistSgd.Learning.Batches;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker;

/// <summary>Which block comes at which position of a whole job, and its keys. Positions count over all epochs. One thread at a time.</summary>
internal sealed class BlockSequence
{
    private readonly TrainingJob _job;
    private readonly BlockSet _blocks;
    private readonly KeySet _wholeSpace;
    private readonly KeySet[]? _keys;
    private readonly int[][] _orders = [[], []];
    private readonly int[] _epochs = [-1, -1];

    public BlockSequence(TrainingJob job, BlockSet blocks)
    {
        _job = job;
        _blocks = blocks;
        _wholeSpace = KeySet.Range(0, blocks.Plan.Compact ? 0 : checked((int)job.KeyCount));
        if (blocks.Plan.Compact && !blocks.Plan.GathersAtVisits)
            _keys = [.. Enumerable.Range(0, blocks.Count).Select(b => KeySet.List(blocks[b].Keys!))];
    }

    /// <summary>Where this training begins: behind the epochs that were done before.</summary>
    public long First => (long)_job.EpochsBefore * _blocks.Count;

    /// <summary>Positions of the whole job.</summary>
    public long Count => (long)_job.Epochs * _blocks.Count;

    public int Epoch(long position) => (int)(position / _blocks.Count);

    public bool EndsEpoch(long position) => (position + 1) % _blocks.Count == 0;

    /// <summary>Where the epoch of a position ends: the position behind its last.</summary>
    public long EpochEnd(long position) => (Epoch(position) + 1L) * _blocks.Count;

    public Block this[long position] => _blocks[Order(Epoch(position))[position % _blocks.Count]];

    public KeySet Keys(Block block) => _keys is not null ? _keys[block.Number] : block.Keys is { } own ? KeySet.List(own) : _wholeSpace;

    // Two epochs are remembered: a prefetching worker looks one or two blocks ahead.
    private int[] Order(int epoch)
    {
        int slot = epoch % 2;
        if (_epochs[slot] != epoch)
        {
            if (_orders[slot].Length != _blocks.Count)
                _orders[slot] = new int[_blocks.Count];
            RowOrder.Blocks(_job.Seed, _blocks.Plan.Partition, epoch, _orders[slot]);
            if (_job.Order is RowOrderKind.Sequential or RowOrderKind.LargestLoss)
                Array.Sort(_orders[slot]);
            _blocks.Deal(epoch);
            _epochs[slot] = epoch;
        }
        return _orders[slot];
    }
}
