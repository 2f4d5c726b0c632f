namespace DistSgd.Learning.Metrics;

/// <summary>The area under the receiver operating characteristic: the chance that a random positive scores above a random negative, ties counting half.</summary>
public static class RocAuc
{
    /// <summary>Exact, O(n log n): the Mann–Whitney statistic, counted in whole numbers. NaN if all labels are of one class.</summary>
    /// <param name="scores">One for each example; no NaN.</param>
    /// <param name="labels">−1 or +1.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a score is NaN.</exception>
    public static double Of(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        Pairs.Check(scores, labels);
        // Score and label in one number, so that one sort of plain numbers orders both.
        long[] sorted = new long[scores.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            if (float.IsNaN(scores[i])) throw new ArgumentException($"Score {i} is NaN; expected a number.", nameof(scores));
            sorted[i] = (Ordered(scores[i]) << 1) | (labels[i] > 0 ? 1L : 0L);
        }
        Array.Sort(sorted);

        // Twice the number of (positive, negative) pairs in the right order, a tie counting one.
        Int128 twiceRight = 0;
        long positives = 0;
        long negatives = 0;
        for (int start = 0; start < sorted.Length;)
        {
            long tiedPositives = 0;
            long tied = 0;
            for (; start + tied < sorted.Length && sorted[start + tied] >> 1 == sorted[start] >> 1; tied++) tiedPositives += sorted[start + tied] & 1;
            twiceRight += (Int128)tiedPositives * ((2 * negatives) + tied - tiedPositives);
            positives += tiedPositives;
            negatives += tied - tiedPositives;
            start += (int)tied;
        }
        return positives == 0 || negatives == 0 ? double.NaN : (double)twiceRight / 2 / ((double)positives * negatives);
    }

    // A whole number in the order of the floats; −0 and +0 are one.
    private static long Ordered(float score)
    {
        int bits = BitConverter.SingleToInt32Bits(score + 0f);
        return bits < 0 ? int.MinValue - (long)bits : bits;
    }
}
