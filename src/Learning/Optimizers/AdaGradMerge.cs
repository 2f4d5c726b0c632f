namespace DistSgd.Learning.Optimizers;

/// <summary>
/// What n workers' AdaGrad steps from one point add up to. One after the other, their steps would have met sums of squares that grow n times as
/// fast: r + n·s in place of r + s, where r is what was pulled and s what a worker added. Each worker's difference is scaled by (r + s)/(r + n·s):
/// at the beginning, where r is small, workers are averaged; later, where r is large, their differences add up. Without it the first blocks of two
/// workers overshot together, and short trainings never made it good. (The square root of the factor, which the sums of squares alone
/// would ask for, left a third of the overshoot.)
/// </summary>
public static class AdaGradMerge
{
    /// <summary>So many blocks of a worker are scaled: beyond them, r is so much larger than s that the factor is near 1 and not worth its time.</summary>
    public const int BlocksMax = 64;

    /// <summary>Scales the values of a delta.</summary>
    /// <param name="workers">n, at least 1.</param>
    /// <param name="pulled">Entries before the block's steps: a value and r, each.</param>
    /// <param name="delta">As many: the difference of the value, which is changed, and s.</param>
    public static void Apply(int workers, ReadOnlySpan<float> pulled, Span<float> delta)
    {
        for (int i = 0; i < delta.Length; i += 2)
        {
            (float before, float added) = (pulled[i + 1], delta[i + 1]);
            if (added > 0)
                delta[i] *= (before + added) / (before + workers * added);
        }
    }
}
