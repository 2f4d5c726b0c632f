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

    private BlockSet(BlockPlan plan, StreamedBlocks blocks, long rows, LossOrder? losses)
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
        if (plan.GathersAtVisits)
        {
            LossOrder? losses = plan.Order == RowOrderKind.LargestLoss ? new LossOrder(rowCount) : null;
            return new BlockSet(plan, new StreamedBlocks(data, list, plan, losses), rowCount, losses);
        }
        (int[] places, int[] starts) = BlockDeal.Of(data, list, plan);
        // Scaling gives every row a value in each centred column.
        long nonZeros = (long)rowCount * (plan.Scaling?.DenseColumns.Length ?? 0);
        foreach (RowRange range in rows)
            nonZeros += data.CountNonZeros(range.Start, range.Count);
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

/// <summary>Copies rows into a partition's block memory, block after block.</summary>
internal sealed class BlockGather(Dataset data, RowList rows, BlockPlan plan, BlockMemory memory)
{
    private readonly KeyCompaction _compaction = new(plan.Features + 1);
    private readonly RowTransform _transform = new(plan.Scaling);
    private long _nonZeros;

    /// <summary>The next block lies at the memory's beginning again.</summary>
    public void Restart() => _nonZeros = 0;

    public Block Next(int number, ReadOnlySpan<int> places)
    {
        var rowStarts = new int[places.Length + 1];
        var labels = new float[places.Length];
        var weights = new float[plan.Weighting is null ? 0 : places.Length];
        long first = _nonZeros;
        for (int i = 0; i < places.Length; i++)
        {
            long row = rows[places[i]];
            SparseRow source = data.Row(row);
            int known = KnownFeatures(source.Indices);
            _nonZeros += Put(source.Indices[..known], source.Values[..known]);
            rowStarts[i + 1] = checked((int)(_nonZeros - first));
            labels[i] = plan.Targets == TargetKind.ClassSet ? 0 : Target(source.Label, row);
            if (weights.Length > 0)
                weights[i] = plan.Weighting!.Of(data, plan.Labels, row);
        }
        (int[] setStarts, int[] sets) = plan.Targets == TargetKind.ClassSet ? ClassSets(places) : ([], []);
        return new Block(memory, number, first, rowStarts, labels, plan.Compact ? Compact(first, rowStarts[^1]) : null)
        {
            Weights = weights,
            IsInOrder = plan.Order is RowOrderKind.Sequential or RowOrderKind.Interleaved,
            Places = plan.Order == RowOrderKind.LargestLoss ? places.ToArray() : [],
            ClassSetStarts = setStarts,
            ClassSets = sets,
            Queries = plan.Targets == TargetKind.Rank ? Queries(places) : [],
        };
    }

    private float Target(float label, long row)
    {
        float target = plan.Labels.ToLearning(label, row);
        return plan.TargetScaling?.ToLearning(target) ?? target;
    }

    private (int[] Starts, int[] Sets) ClassSets(ReadOnlySpan<int> places)
    {
        var starts = new int[places.Length + 1];
        var sets = new List<int>();
        for (int i = 0; i < places.Length; i++)
        {
            long row = rows[places[i]];
            foreach (float label in data.LabelSet(row))
                sets.Add(plan.Labels.ClassOf(label, row));
            starts[i + 1] = sets.Count;
        }
        return (starts, [.. sets]);
    }

    // A query's rows lie side by side in the list of rows, and so do their places.
    private int[] Queries(ReadOnlySpan<int> places)
    {
        var queries = new int[places.Length];
        for (int i = 1; i < places.Length; i++)
        {
            bool same = places[i] == places[i - 1] + 1 && data.Query(rows[places[i]]) == data.Query(rows[places[i - 1]]);
            queries[i] = queries[i - 1] + (same ? 0 : 1);
        }
        return queries;
    }

    private int Put(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        if (plan.Scaling is not null)
        {
            _transform.Apply(indices, values);
            indices = _transform.Indices;
            values = _transform.Values;
        }
        indices.CopyTo(memory.Indices.AsSpan(_nonZeros, indices.Length));
        values.CopyTo(memory.Values.AsSpan(_nonZeros, values.Length));
        return indices.Length;
    }

    private uint[] Compact(long first, int count)
    {
        uint[] distinct = _compaction.Apply(memory.Indices.AsSpan(first, count));
        var keys = new uint[distinct.Length + plan.TailKeys];
        distinct.CopyTo(keys, 0);
        for (int i = 0; i < plan.TailKeys; i++)
            keys[distinct.Length + i] = checked((uint)(plan.Features + i));
        return keys;
    }

    // Indices ascend, so that unknown features are a row's tail.
    private int KnownFeatures(ReadOnlySpan<uint> indices)
    {
        if (indices.Length == 0 || indices[^1] < plan.Features)
            return indices.Length;
        int found = indices.BinarySearch((uint)plan.Features);
        return found < 0 ? ~found : found;
    }
}
