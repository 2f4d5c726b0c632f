using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Blocks that are gathered from the data set each time they are visited, so that memory holds a few of them only. Rows are dealt in runs of
/// <see cref="RunRows"/> consecutive ones, which makes reading from the disk bearable; still each block has rows from all over the partition. One thread at a time; a block is valid until
/// <see cref="Slots"/> − 1 more were loaded.
/// </summary>
internal sealed class StreamedBlocks : IDisposable
{
    /// <summary>Consecutive rows that stay together.</summary>
    public const int RunRows = 32;

    /// <summary>Blocks in memory: a loop uses up to three at once.</summary>
    public const int Slots = 4;

    private const int NonZeroBytes = sizeof(uint) + sizeof(float);

    private readonly RowList _rows;
    private readonly BlockPlan _plan;
    private readonly int[] _runs;
    private readonly BlockMemory[] _memories;
    private readonly BlockGather[] _gathers;
    private int[] _places = [];
    private int _next;

    public StreamedBlocks(Dataset data, RowList rows, BlockPlan plan)
    {
        (_rows, _plan) = (rows, plan);
        _runs = new int[rows.Count / RunRows];
        if (plan.Order == RowOrderKind.Sequential)
            BlockDeal.Fill(_runs);
        else
            RowOrder.Deal(plan.Seed, plan.Partition, _runs);
        Count = (int)(((long)rows.Count + plan.RowsPerBlock - 1) / plan.RowsPerBlock);
        RowsMax = Math.Min(plan.RowsPerBlock, rows.Count);
        long most = 0;
        for (int block = 0; block < Count; block++)
        {
            long nonZeros = 0;
            foreach (int place in Places(block))
                nonZeros += data.CountNonZeros(rows[place]);
            NonZeroCount += nonZeros;
            most = Math.Max(most, nonZeros);
        }
        NonZerosMax = checked((int)(most + (long)RowsMax * (plan.Scaling?.DenseColumns.Length ?? 0)));
        _memories = [.. Enumerable.Range(0, Slots).Select(_ => new BlockMemory(NonZerosMax))];
        _gathers = [.. _memories.Select(memory => new BlockGather(data, rows, plan, memory))];
    }

    public int Count { get; }

    public int RowsMax { get; }

    public int NonZerosMax { get; }

    public long NonZeroCount { get; }

    /// <summary>Bytes of native memory, whatever the size of the data.</summary>
    public long MemoryBytes => (long)Slots * NonZerosMax * NonZeroBytes;

    public Block Load(int number)
    {
        BlockGather gather = _gathers[_next];
        _next = (_next + 1) % Slots;
        gather.Restart();
        return gather.Next(number, Places(number));
    }

    public void Dispose()
    {
        foreach (BlockMemory memory in _memories)
            memory.Dispose();
    }

    // The rows behind the last whole run keep their places.
    private ReadOnlySpan<int> Places(int block)
    {
        int first = block * _plan.RowsPerBlock, count = Math.Min(_plan.RowsPerBlock, _rows.Count - first);
        if (_places.Length < count)
            _places = new int[count];
        for (int i = 0; i < count; i++)
        {
            int place = first + i, run = place / RunRows;
            _places[i] = run < _runs.Length ? _runs[run] * RunRows + place % RunRows : place;
        }
        return _places.AsSpan(0, count);
    }
}
