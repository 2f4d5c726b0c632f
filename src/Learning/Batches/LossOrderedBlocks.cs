using DistSgd.Kernels;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Blocks whose rows change from epoch to epoch, by their losses: the partition's rows are gathered once, as they lie, and those of a block are copied at each visit. One thread at a time; a block is
/// valid until <see cref="StreamedBlocks.Slots"/> − 1 more were loaded. Nothing is allocated at a visit but, where keys are compact, their list.
/// </summary>
internal sealed class LossOrderedBlocks : IVisitedBlocks
{
    private readonly BlockPlan _plan;
    private readonly LossOrder _losses;
    private readonly BlockMemory _memory;
    private readonly Block _all;
    private readonly int[] _order;
    private readonly BlockMemory[] _slots;
    private readonly Block[] _blocks;
    private readonly KeyCompaction _compaction;
    private int _next;

    /// <summary>Gathers the rows.</summary>
    /// <param name="data">The data set; not needed afterwards.</param>
    /// <param name="rows">The partition's rows.</param>
    /// <param name="plan">How to cut.</param>
    /// <param name="losses">What decides the order.</param>
    /// <param name="nonZeros">At least as many as the rows have, scaled; below 2³¹.</param>
    public LossOrderedBlocks(Dataset data, RowList rows, BlockPlan plan, LossOrder losses, int nonZeros)
    {
        (_plan, _losses) = (plan, losses);
        _memory = new BlockMemory(nonZeros);
        _order = new int[rows.Count];
        BlockDeal.Fill(_order);
        _all = new BlockGather(data, rows, plan with { Compact = false }, _memory).Next(0, _order);
        RowOrder.Deal(plan.Seed, plan.Partition, _order);
        RowsMax = Math.Min(plan.RowsPerBlock, rows.Count);
        Count = (int)(((long)rows.Count + plan.RowsPerBlock - 1) / plan.RowsPerBlock);
        NonZerosMax = MostNonZeros();
        _slots = [.. Enumerable.Range(0, StreamedBlocks.Slots).Select(_ => new BlockMemory(NonZerosMax))];
        _blocks = [.. _slots.Select(memory => new Block(memory, BlockArrays.For(RowsMax, plan)) { IsInOrder = true })];
        _compaction = new KeyCompaction(plan.Features + 1);
    }

    public int Count { get; }

    public int RowsMax { get; }

    public int NonZerosMax { get; }

    public long NonZeroCount => _all.NonZeroCount;

    public long MemoryBytes => (_memory.Indices.Length + (long)StreamedBlocks.Slots * NonZerosMax) * (sizeof(uint) + sizeof(float));

    public void Deal(int epoch)
    {
        RowOrder.Blocks(_plan.Seed, _plan.Partition, epoch, _order);
        _losses.Arrange(_order);
    }

    public Block Load(int number)
    {
        int first = number * _plan.RowsPerBlock, count = Math.Min(_plan.RowsPerBlock, _order.Length - first);
        ReadOnlySpan<int> places = _order.AsSpan(first, count);
        Block block = _blocks[_next];
        BlockMemory memory = _slots[_next];
        _next = (_next + 1) % StreamedBlocks.Slots;
        int nonZeros = Copy(places, memory, block.Arrays);
        if (_plan.Targets == TargetKind.ClassSet)
            block.Arrays.CopySets(_all.Arrays, places);
        block.Turn(number, 0, count, _plan.Compact ? _compaction.Keys(memory.Indices.AsSpan(0, nonZeros), _plan) : null);
        return block;
    }

    public void Dispose()
    {
        _memory.Dispose();
        foreach (BlockMemory memory in _slots)
            memory.Dispose();
    }

    private int Copy(ReadOnlySpan<int> places, BlockMemory memory, BlockArrays to)
    {
        SparseRows rows = _all.Rows;
        Span<uint> indices = memory.Indices.AsSpan(0, NonZerosMax);
        Span<float> values = memory.Values.AsSpan(0, NonZerosMax);
        int at = 0;
        for (int i = 0; i < places.Length; i++)
        {
            int row = places[i], start = rows.RowStarts[row], length = rows.RowStarts[row + 1] - start;
            rows.Indices.Slice(start, length).CopyTo(indices[at..]);
            rows.Values.Slice(start, length).CopyTo(values[at..]);
            at += length;
            to.RowStarts[i + 1] = at;
            to.Labels[i] = rows.Labels[row];
            to.Places[i] = row;
            if (to.Weights.Length > 0)
                to.Weights[i] = rows.Weights[row];
        }
        return at;
    }

    // Whichever rows a block will have.
    private int MostNonZeros()
    {
        ReadOnlySpan<int> starts = _all.Rows.RowStarts;
        var counts = new int[_order.Length];
        for (int row = 0; row < counts.Length; row++)
            counts[row] = starts[row + 1] - starts[row];
        return StreamedBlocks.SumOfLargest(counts, RowsMax);
    }
}
