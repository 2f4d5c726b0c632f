using DistSgd.Kernels;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Rows that are trained between two exchanges, gathered into contiguous memory. Indices are places in the worker's replica: of the whole
/// key space (<see cref="Keys"/> is null), or of the block's own keys in ascending order, biases last.
/// </summary>
public sealed class Block
{
    private readonly BlockMemory _memory;
    private readonly long _firstNonZero;
    private readonly int[] _rowStarts;
    private readonly float[] _labels;

    internal Block(BlockMemory memory, int number, long firstNonZero, int[] rowStarts, float[] labels, uint[]? keys)
    {
        _memory = memory;
        _firstNonZero = firstNonZero;
        _rowStarts = rowStarts;
        _labels = labels;
        Number = number;
        Keys = keys;
    }

    /// <summary>Its number in the partition, from 0.</summary>
    public int Number { get; }

    /// <summary>The block's keys, strictly ascending, biases last; null where replicas hold the whole key space.</summary>
    public uint[]? Keys { get; }

    /// <summary>Number of rows.</summary>
    public int RowCount => _labels.Length;

    /// <summary>Number of non-zeros.</summary>
    public int NonZeroCount => _rowStarts[^1];

    /// <summary>Targets: ±1 in classification, real in regression.</summary>
    public ReadOnlySpan<float> Labels => _labels;

    /// <summary>The rows as the kernels take them.</summary>
    public SparseRows Rows => new(_rowStarts, _memory.Indices.AsSpan(_firstNonZero, NonZeroCount), _memory.Values.AsSpan(_firstNonZero, NonZeroCount), _labels)
    {
        Weights = Weights,
        ClassSetStarts = ClassSetStarts,
        ClassSets = ClassSets,
        Queries = Queries,
    };

    // Rows are visited as they lie.
    internal bool IsInOrder { get; init; }

    internal float[] Weights { get; init; } = [];

    internal int[] ClassSetStarts { get; init; } = [];

    internal int[] ClassSets { get; init; } = [];

    /// <summary>Where each row lies in the partition; empty where losses don't decide the order.</summary>
    public int[] Places { get; internal init; } = [];

    // The number of each row's query in the block, ascending.
    internal int[] Queries { get; init; } = [];

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
