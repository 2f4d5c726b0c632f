namespace DistSgd.Learning.Batches;

/// <summary>
/// Largest loss first, over a whole partition: the rows whose loss was largest when they were last visited come first in the next epoch. With a cap, since outliers would always lead otherwise: a
/// loss of more than <see cref="CapFactor"/> times the partition's mean counts as that, and rows of equal losses come in random order. Rows that were never visited count as the cap. One thread at a time.
/// </summary>
public sealed class LossOrder
{
    /// <summary>Losses count up to so many times the mean.</summary>
    public const float CapFactor = 4;

    private readonly float[] _losses;
    private (float Loss, int Place)[] _keys = [];
    private float _cap = float.PositiveInfinity;

    /// <summary>Nothing is known of any row yet.</summary>
    /// <param name="rows">Rows of the partition.</param>
    public LossOrder(int rows)
    {
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
    /// <param name="rowsPerRun">Consecutive rows that stay together; 1: each by itself.</param>
    public void Arrange(Span<int> runs, int rowsPerRun)
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
        Sort(runs, run =>
        {
            float total = 0;
            for (int row = run * rowsPerRun; row < (run + 1) * rowsPerRun; row++)
                total += Counted(row);
            return total;
        });
    }

    /// <summary>Sorts a block's rows, the largest loss first; equal ones stay in their order.</summary>
    /// <param name="order">The block's rows, in random order; sorted.</param>
    /// <param name="places">Where each row of the block lies in the partition.</param>
    public void Sort(Span<int> order, int[] places) => Sort(order, row => Counted(places[row]));

    private float Counted(int row) => Math.Min(_cap, _losses[row]);

    // Ties are broken by the place so far: sorting by unique keys is stable.
    private void Sort(Span<int> items, Func<int, float> loss)
    {
        if (_keys.Length < items.Length)
            _keys = new (float, int)[items.Length];
        for (int i = 0; i < items.Length; i++)
            _keys[i] = (-loss(items[i]), i);
        _keys.AsSpan(0, items.Length).Sort(items);
    }
}
