namespace DistSgd.Learning.Batches;

/// <summary>
/// Largest loss first, over a whole partition: the rows whose loss was largest when they were last visited come first in the next epoch. With a cap, since outliers would always lead otherwise: a
/// loss of more than <see cref="CapFactor"/> times the partition's mean counts as that, and rows of equal losses come in random order. Rows that were never visited count as the cap. One thread at a time.
/// </summary>
public sealed class LossOrder
{
    /// <summary>Losses count up to so many times the mean.</summary>
    public const float CapFactor = 4;

    private const int DigitBits = 8;
    private const int Digits = 1 << DigitBits;
    private const int KeyShift = 32;
    private const int FewItems = 32;

    private readonly int _rowsPerRun;
    private readonly float[] _losses;
    private readonly int[] _counts = new int[Digits];

    // What is sorted: above its key, below the item.
    private ulong[] _keyed = [];
    private ulong[] _moved = [];
    private float _cap = float.PositiveInfinity;

    /// <summary>Nothing is known of any row yet.</summary>
    /// <param name="rows">Rows of the partition.</param>
    /// <param name="rowsPerRun">Consecutive rows that stay together; 1: each by itself.</param>
    public LossOrder(int rows, int rowsPerRun)
    {
        _rowsPerRun = rowsPerRun;
        _losses = new float[rows];
        Array.Fill(_losses, float.PositiveInfinity);
    }

    /// <summary>Keeps the losses of rows that were visited.</summary>
    /// <param name="places">Where each row of a block lies in the partition.</param>
    /// <param name="visited">The block's rows that were.</param>
    /// <param name="losses">Of each row of the block.</param>
    public void Keep(ReadOnlySpan<int> places, ReadOnlySpan<int> visited, ReadOnlySpan<float> losses)
    {
        foreach (int row in visited)
            _losses[places[row]] = losses[row];
    }

    /// <summary>A new epoch: the cap is that of the losses known by now, and runs of rows are sorted by the mean of theirs, the largest first; equal ones stay in their order.</summary>
    /// <param name="runs">A permutation of the partition's whole runs, random; sorted.</param>
    public void Arrange(Span<int> runs)
    {
        double sum = 0;
        long known = 0;
        foreach (float loss in _losses)
        {
            if (!float.IsFinite(loss))
                continue;
            sum += loss;
            known++;
        }
        _cap = known == 0 ? float.PositiveInfinity : (float)(CapFactor * sum / known);
        Reserve(runs.Length);
        for (int i = 0; i < runs.Length; i++)
        {
            float total = 0;
            for (int row = runs[i] * _rowsPerRun; row < (runs[i] + 1) * _rowsPerRun; row++)
                total += Counted(row);
            _keyed[i] = Keyed(total, runs[i]);
        }
        Sort(runs);
    }

    /// <summary>Sorts the rows of a block in which runs stay together, the largest loss first; equal ones stay in their order. Where rows come each by itself, they do already.</summary>
    /// <param name="order">The block's rows, in random order; sorted.</param>
    /// <param name="places">Where each row of the block lies in the partition.</param>
    public void Sort(Span<int> order, ReadOnlySpan<int> places)
    {
        if (_rowsPerRun == 1)
            return;
        Reserve(order.Length);
        for (int i = 0; i < order.Length; i++)
            _keyed[i] = Keyed(Counted(places[order[i]]), order[i]);
        Sort(order);
    }

    private float Counted(int row) => Math.Min(_cap, _losses[row]);

    // The bits of numbers from 0 on are in the order of the numbers; inverted, the largest comes first.
    private static ulong Keyed(float loss, int item) => (ulong)~BitConverter.SingleToUInt32Bits(Math.Max(0, loss)) << KeyShift | (uint)item;

    private void Reserve(int items)
    {
        if (_keyed.Length >= items)
            return;
        _keyed = new ulong[items];
        _moved = new ulong[items];
    }

    // By the keys, digit by digit from the lowest, which leaves equal ones in their order.
    private void Sort(Span<int> items)
    {
        if (items.Length <= FewItems)
            Insert(_keyed.AsSpan(0, items.Length));
        else
            for (int shift = KeyShift; shift < 2 * KeyShift; shift += DigitBits)
                Distribute(items.Length, shift);
        for (int i = 0; i < items.Length; i++)
            items[i] = (int)(uint)_keyed[i];
    }

    private void Distribute(int count, int shift)
    {
        ReadOnlySpan<ulong> from = _keyed.AsSpan(0, count);
        int[] next = _counts;
        Array.Clear(next);
        foreach (ulong item in from)
            next[(byte)(item >> shift)]++;
        int before = 0;
        for (int digit = 0; digit < Digits; digit++)
            (next[digit], before) = (before, before + next[digit]);
        ulong[] to = _moved;
        foreach (ulong item in from)
            to[next[(byte)(item >> shift)]++] = item;
        (_keyed, _moved) = (_moved, _keyed);
    }

    private static void Insert(Span<ulong> items)
    {
        for (int i = 1; i < items.Length; i++)
        {
            ulong item = items[i];
            int at = i;
            for (; at > 0 && items[at - 1] >> KeyShift > item >> KeyShift; at--)
                items[at] = items[at - 1];
            items[at] = item;
        }
    }
}
