namespace DistSgd.Learning.Batches;

/// <summary>Largest loss first, with a cap: rows whose loss is more than <see cref="CapFactor"/> times the block's mean count as that, and come in random order among themselves, since outliers would always lead otherwise.</summary>
public static class LossOrder
{
    /// <summary>Losses count up to so many times the block's mean.</summary>
    public const float CapFactor = 4;

    /// <summary>Sorts a block's rows by their last losses, the largest first; equal ones stay in their order.</summary>
    /// <param name="order">A permutation of the block's rows, random; sorted.</param>
    /// <param name="losses">Of each row of the block.</param>
    public static void Apply(Span<int> order, ReadOnlySpan<float> losses)
    {
        double sum = 0;
        foreach (float loss in losses)
            sum += loss;
        var cap = (float)(CapFactor * sum / losses.Length);
        // Ties are broken by the place so far: sorting by unique keys is stable.
        var keys = new (float Loss, int Place)[order.Length];
        for (int i = 0; i < order.Length; i++)
            keys[i] = (-Math.Min(cap, losses[order[i]]), i);
        keys.AsSpan().Sort(order);
    }
}
