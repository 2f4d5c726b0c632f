using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Batches;

/// <summary>How a partition is cut into blocks.</summary>
/// <param name="Seed">The job's seed.</param>
/// <param name="Partition">Partition number, from 0.</param>
/// <param name="RowsPerBlock">Rows of a block; the last may be shorter.</param>
/// <param name="Features">Features of the model; larger indices in the data are left out.</param>
/// <param name="Compact">True: each block's keys are renumbered, so that replicas hold them only.</param>
/// <param name="Labels">The labels' mapping to targets.</param>
/// <param name="Scaling">How columns are scaled; null: not.</param>
/// <param name="TailKeys">Keys behind the features', which every block has.</param>
public sealed record BlockPlan(ulong Seed, int Partition, int RowsPerBlock, long Features, bool Compact, LabelMap Labels, FeatureScaling? Scaling = null, int TailKeys = 1)
{
    /// <summary>What the rows are to learn.</summary>
    public TargetKind Targets { get; init; }

    /// <summary>In which order the rows come.</summary>
    public RowOrderKind Order { get; init; }

    /// <summary>Whether blocks are gathered anew at each visit, so that memory holds a few of them only.</summary>
    public bool Streams { get; init; }

    /// <summary>Whether the data set is needed at each visit: blocks are streamed, or their rows change from epoch to epoch.</summary>
    public bool GathersAtVisits => Streams || Order == RowOrderKind.LargestLoss;

    /// <summary>What the rows count; null: 1 each.</summary>
    public RowWeighting? Weighting { get; init; }
    /// <summary>How targets are scaled; null: not.</summary>
    public TargetScaling? TargetScaling { get; init; }
}

/// <summary>What a row is to learn.</summary>
public enum TargetKind
{
    /// <summary>Its label.</summary>
    Label,

    /// <summary>The classes of its label set.</summary>
    ClassSet,

    /// <summary>Its place among the rows of its query.</summary>
    Rank,
}

/// <summary>
/// A partition's rows, dealt to blocks by <see cref="RowOrder.Deal"/> and gathered, so that an epoch reads memory in long runs. Immutable
/// after <see cref="Build"/>; any thread.
/// </summary>
public sealed class BlockSet : IDisposable
{
    private readonly IDisposable _memory;
    private readonly Func<int, Block> _blocks;
    private readonly Action<int> _deal = _ => { };
    private IDisposable? _source;

    private BlockSet(BlockPlan plan, IVisitedBlocks blocks, long rows, LossOrder? losses)
    {
        Plan = plan;
        Losses = losses;
        _memory = blocks;
        (_blocks, _deal) = (blocks.Load, blocks.Deal);
        Count = blocks.Count;
        RowCount = rows;
        NonZeroCount = blocks.NonZeroCount;
        RowsMax = blocks.RowsMax;
        KeysMax = plan.Compact ? (int)Math.Min(blocks.NonZerosMax, plan.Features) + plan.TailKeys : 0;
        MemoryBytes = blocks.MemoryBytes;
    }

    private BlockSet(BlockPlan plan, BlockMemory memory, Block[] blocks)
    {
        Plan = plan;
        _memory = memory;
        _blocks = number => blocks[number];
        Count = blocks.Length;
        MemoryBytes = memory.Indices.Length * (sizeof(uint) + sizeof(float));
        foreach (Block block in blocks)
        {
            RowCount += block.RowCount;
            NonZeroCount += block.NonZeroCount;
            RowsMax = Math.Max(RowsMax, block.RowCount);
            KeysMax = Math.Max(KeysMax, block.Keys?.Length ?? 0);
        }
    }

    /// <summary>How it was cut.</summary>
    public BlockPlan Plan { get; }

    /// <summary>Number of blocks.</summary>
    public int Count { get; }

    /// <summary>Rows of all blocks.</summary>
    public long RowCount { get; }

    /// <summary>Non-zeros of all blocks.</summary>
    public long NonZeroCount { get; }

    /// <summary>Rows of the largest block.</summary>
    public int RowsMax { get; }

    /// <summary>Keys of the block that has most; 0 where blocks are not compact.</summary>
    public int KeysMax { get; }

    /// <summary>Bytes of native memory for indices and values.</summary>
    public long MemoryBytes { get; }

    /// <summary>The losses that decide the order of rows; null where they don't.</summary>
    public LossOrder? Losses { get; }

    /// <summary>An epoch begins: where losses decide, the rows are dealt anew.</summary>
    /// <param name="epoch">From 0.</param>
    public void Deal(int epoch) => _deal(epoch);

    /// <summary>One block; where blocks are gathered at each visit it is valid until a few more were asked for, and only one thread may ask.</summary>
    /// <param name="number">From 0.</param>
    public Block this[int number] => _blocks(number);

    /// <summary>Disposes the source of streamed blocks with the set.</summary>
    public BlockSet Owning(IDisposable source)
    {
        _source = source;
        return this;
    }

    /// <summary>Deals and gathers rows.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="rows">The partition's rows; at most 2³¹−1 altogether.</param>
    /// <param name="plan">How to cut.</param>
    /// <exception cref="LabelException">A label that the map doesn't know.</exception>
    public static BlockSet Build(Dataset data, RowRange[] rows, BlockPlan plan)
    {
        var list = new RowList(rows);
        int rowCount = list.Count;
        // Scaling gives every row a value in each centred column.
        long nonZeros = (long)rowCount * (plan.Scaling?.DenseColumns.Length ?? 0);
        foreach (RowRange range in rows)
            nonZeros += data.CountNonZeros(range.Start, range.Count);
        if (plan.GathersAtVisits)
        {
            LossOrder? losses = plan.Order == RowOrderKind.LargestLoss ? new LossOrder(rowCount, plan.Streams ? StreamedBlocks.RunRows : 1) : null;
            IVisitedBlocks visited = losses is null || plan.Streams || nonZeros > int.MaxValue ? new StreamedBlocks(data, list, plan, losses) : new LossOrderedBlocks(data, list, plan, losses, (int)nonZeros);
            return new BlockSet(plan, visited, rowCount, losses);
        }
        (int[] places, int[] starts) = BlockDeal.Of(data, list, plan);
        var memory = new BlockMemory(nonZeros);
        try
        {
            var blocks = new Block[starts.Length - 1];
            var gather = new BlockGather(data, list, plan, memory);
            for (int b = 0; b < blocks.Length; b++)
                blocks[b] = gather.Next(b, places.AsSpan(starts[b]..starts[b + 1]));
            return new BlockSet(plan, memory, blocks);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        _source?.Dispose();
    }
}

/// <summary>Blocks that are filled at each visit: a few of them are in memory. One thread at a time.</summary>
internal interface IVisitedBlocks : IDisposable
{
    int Count { get; }

    int RowsMax { get; }

    int NonZerosMax { get; }

    long NonZeroCount { get; }

    /// <summary>Bytes of native memory for indices and values.</summary>
    long MemoryBytes { get; }

    /// <summary>Fills a block.</summary>
    Block Load(int number);

    /// <summary>An epoch begins.</summary>
    void Deal(int epoch);
}
