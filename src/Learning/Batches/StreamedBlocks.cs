using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>
/// Blocks that are gathered from the data set each time they are visited, so that memory holds a few of them only. Where rows are read from the disk they are dealt in runs of
/// <see cref="RunRows"/> consecutive ones, which makes that bearable; still each block has rows from all over the partition. One thread at a time; a block is valid until
/// <see cref="Slots"/> − 1 more were loaded.
/// </summary>
internal sealed class StreamedBlocks : IVisitedBlocks
{
    /// <summary>Consecutive rows that stay together where they are read from the disk.</summary>
    public const int RunRows = 32;

    /// <summary>Blocks in memory: a loop uses up to three at once.</summary>
    public const int Slots = 4;

    private const int NonZeroBytes = sizeof(uint) + sizeof(float);

    private readonly RowList _rows;
    private readonly BlockPlan _plan;
    private readonly LossOrder? _losses;
    private readonly int _rowsPerRun;
    private readonly int[] _runs;
    private readonly BlockMemory[] _memories;
    private readonly BlockGather[] _gathers;
    private int[] _places = [];
    private int _next;

    public StreamedBlocks(Dataset data, RowList rows, BlockPlan plan, LossOrder? losses)
    {
        (_rows, _plan, _losses) = (rows, plan, losses);
        _rowsPerRun = plan.Streams ? RunRows : 1;
        _runs = new int[rows.Count / _rowsPerRun];
        if (plan.Order == RowOrderKind.Sequential)
            BlockDeal.Fill(_runs);
        else
            RowOrder.Deal(plan.Seed, plan.Partition, _runs);
        Count = (int)(((long)rows.Count + plan.RowsPerBlock - 1) / plan.RowsPerBlock);
        RowsMax = Math.Min(plan.RowsPerBlock, rows.Count);
        long most = losses is null ? MostNonZeros(data) : MostNonZerosOfAnyRows(data);
        NonZerosMax = checked((int)(most + (long)RowsMax * (plan.Scaling?.DenseColumns.Length ?? 0)));
        _memories = [.. Enumerable.Range(0, Slots).Select(_ => new BlockMemory(NonZerosMax))];
        _gathers = [.. _memories.Select(memory => new BlockGather(data, rows, plan, memory, RowsMax))];
    }

    public int Count { get; }

    public int RowsMax { get; }

    public int NonZerosMax { get; }

    public long NonZeroCount { get; private set; }

    /// <summary>Bytes of native memory, whatever the size of the data.</summary>
    public long MemoryBytes => (long)Slots * NonZerosMax * NonZeroBytes;

    public Block Load(int number)
    {
        BlockGather gather = _gathers[_next];
        _next = (_next + 1) % Slots;
        return gather.Again(number, Places(number));
    }

    /// <summary>Deals the rows anew for an epoch, by the losses known by now.</summary>
    public void Deal(int epoch)
    {
        if (_losses is null)
            return;
        RowOrder.Blocks(_plan.Seed, _plan.Partition, epoch, _runs);
        _losses.Arrange(_runs);
    }

    public void Dispose()
    {
        foreach (BlockMemory memory in _memories)
            memory.Dispose();
    }

    private long MostNonZeros(Dataset data)
    {
        long most = 0;
        for (int block = 0; block < Count; block++)
        {
            long nonZeros = 0;
            foreach (int place in Places(block))
                nonZeros += data.CountNonZeros(_rows[place]);
            NonZeroCount += nonZeros;
            most = Math.Max(most, nonZeros);
        }
        return most;
    }

    // Whichever rows a block will have.
    private long MostNonZerosOfAnyRows(Dataset data)
    {
        var counts = new int[_rows.Count];
        for (int place = 0; place < counts.Length; place++)
            NonZeroCount += counts[place] = data.CountNonZeros(_rows[place]);
        return SumOfLargest(counts, RowsMax);
    }

    /// <summary>What the largest counts come to.</summary>
    /// <param name="counts">Sorted.</param>
    /// <param name="largest">How many.</param>
    public static int SumOfLargest(int[] counts, int largest)
    {
        Array.Sort(counts);
        int sum = 0;
        foreach (int count in counts.AsSpan(counts.Length - largest))
            sum = checked(sum + count);
        return sum;
    }

    // The rows behind the last whole run keep their places.
    private ReadOnlySpan<int> Places(int block)
    {
        int first = block * _plan.RowsPerBlock, count = Math.Min(_plan.RowsPerBlock, _rows.Count - first);
        if (_places.Length < count)
            _places = new int[count];
        for (int i = 0; i < count; i++)
        {
            int place = first + i, run = place / _rowsPerRun;
            _places[i] = run < _runs.Length ? _runs[run] * _rowsPerRun + place % _rowsPerRun : place;
        }
        return _places.AsSpan(0, count);
    }
}
