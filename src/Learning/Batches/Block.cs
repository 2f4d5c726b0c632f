using DistSgd.Kernels;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Rows that are trained between two exchanges, gathered into contiguous memory. Indices are places in the worker's replica: of the whole
/// key space (<see cref="Keys"/> is null), or of the block's own keys in ascending order, biases last.
/// </summary>
public sealed class Block
{
    private readonly BlockMemory _memory;
    private long _firstNonZero;

    internal Block(BlockMemory memory, BlockArrays arrays) => (_memory, Arrays) = (memory, arrays);

    /// <summary>Its number in the partition, from 0.</summary>
    public int Number { get; private set; }

    /// <summary>The block's keys, strictly ascending, biases last; null where replicas hold the whole key space.</summary>
    public uint[]? Keys { get; private set; }

    /// <summary>Number of rows.</summary>
    public int RowCount { get; private set; }

    /// <summary>Number of non-zeros.</summary>
    public int NonZeroCount => Arrays.RowStarts[RowCount];

    /// <summary>Targets: ±1 in classification, real in regression.</summary>
    public ReadOnlySpan<float> Labels => Arrays.Labels.AsSpan(0, RowCount);

    /// <summary>The rows as the kernels take them.</summary>
    public SparseRows Rows => new(Arrays.RowStarts.AsSpan(0, RowCount + 1), _memory.Indices.AsSpan(_firstNonZero, NonZeroCount), _memory.Values.AsSpan(_firstNonZero, NonZeroCount), Labels)
    {
        Weights = Arrays.Weights.AsSpan(0, Math.Min(RowCount, Arrays.Weights.Length)),
        ClassSetStarts = Arrays.ClassSetStarts.AsSpan(0, Math.Min(RowCount + 1, Arrays.ClassSetStarts.Length)),
        ClassSets = Arrays.ClassSets,
        Queries = Queries,
    };

    // Rows are visited as they lie.
    internal bool IsInOrder { get; init; }

    // As long as the block, or, where it is filled anew at each visit, as the largest.
    internal BlockArrays Arrays { get; }

    /// <summary>Where each row lies in the partition; empty where losses don't decide the order.</summary>
    public ReadOnlySpan<int> Places => Arrays.Places.AsSpan(0, Math.Min(RowCount, Arrays.Places.Length));

    private int[] Queries => Arrays.Queries;

    // What memory and arrays hold by now.
    internal Block Turn(int number, long firstNonZero, int rows, uint[]? keys)
    {
        (Number, _firstNonZero, RowCount, Keys) = (number, firstNonZero, rows, keys);
        return this;
    }

    /// <summary>The order in which an epoch visits the rows; those of one query stay together.</summary>
    /// <param name="seed">The job's seed.</param>
    /// <param name="partition">Partition number, from 0.</param>
    /// <param name="epoch">Epoch number, from 0.</param>
    /// <param name="rows">Filled with a permutation of the rows.</param>
    public void Order(ulong seed, int partition, int epoch, Span<int> rows)
    {
        if (IsInOrder)
        {
            BlockDeal.Fill(rows);
            return;
        }
        if (Queries.Length == 0)
        {
            RowOrder.Rows(seed, partition, epoch, Number, rows);
            return;
        }
        var queries = new int[Queries[^1] + 1];
        RowOrder.Rows(seed, partition, epoch, Number, queries);
        int next = 0;
        foreach (int query in queries)
        {
            for (int row = First(Array.BinarySearch(Queries, query)); row < Queries.Length && Queries[row] == query; row++)
                rows[next++] = row;
        }
    }

    private int First(int row)
    {
        while (row > 0 && Queries[row - 1] == Queries[row])
            row--;
        return row;
    }
}

/// <summary>What lies beside a block's non-zeros, a number or so for each row.</summary>
internal sealed class BlockArrays
{
    public required int[] RowStarts { get; init; }

    public required float[] Labels { get; init; }

    public required float[] Weights { get; init; }

    public required int[] Places { get; init; }

    public int[] ClassSetStarts { get; set; } = [];

    public int[] ClassSets { get; set; } = [];

    // The number of each row's query in the block, ascending.
    public int[] Queries { get; set; } = [];

    /// <summary>Room for so many rows.</summary>
    public static BlockArrays For(int rows, BlockPlan plan) => new()
    {
        RowStarts = new int[rows + 1],
        Labels = new float[rows],
        Weights = new float[plan.Weighting is null ? 0 : rows],
        Places = new int[plan.Order == RowOrderKind.LargestLoss ? rows : 0],
    };

    /// <summary>Copies the class sets of some rows.</summary>
    public void CopySets(BlockArrays from, ReadOnlySpan<int> rows)
    {
        if (ClassSetStarts.Length < rows.Length + 1)
            ClassSetStarts = new int[rows.Length + 1];
        int at = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            ReadOnlySpan<int> set = from.ClassSets.AsSpan(from.ClassSetStarts[rows[i]]..from.ClassSetStarts[rows[i] + 1]);
            if (ClassSets.Length < at + set.Length)
                ClassSets = [.. ClassSets, .. new int[ClassSets.Length + set.Length]];
            set.CopyTo(ClassSets.AsSpan(at));
            at += set.Length;
            ClassSetStarts[i + 1] = at;
        }
    }
}

/// <summary>Native memory of all blocks of a partition.</summary>
internal sealed class BlockMemory : IDisposable
{
    /// <param name="nonZeros">Non-zeros of all its blocks.</param>
    public BlockMemory(long nonZeros)
    {
        Indices = new NativeBuffer<uint>(Math.Max(1, nonZeros));
        Values = new NativeBuffer<float>(Math.Max(1, nonZeros));
        HugePages.Advise(Indices);
        HugePages.Advise(Values);
    }

    public NativeBuffer<uint> Indices { get; }

    public NativeBuffer<float> Values { get; }

    public void Dispose()
    {
        Indices.Dispose();
        Values.Dispose();
    }
}
