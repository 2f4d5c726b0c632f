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
        float[] sorted = scores.ToArray();
        bool[] positive = new bool[labels.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            if (float.IsNaN(scores[i])) throw new ArgumentException($"Score {i} is NaN; expected a number.", nameof(scores));
            positive[i] = labels[i] > 0;
        }
        Array.Sort(sorted, positive);

        // Twice the number of (positive, negative) pairs in the right order, a tie counting one.
        Int128 twiceRight = 0;
        long positives = 0;
        long negatives = 0;
        for (int start = 0; start < sorted.Length;)
        {
            long tiedPositives = 0;
            long tied = 0;
            for (; start + tied < sorted.Length && sorted[start + tied] == sorted[start]; tied++) if (positive[start + tied]) tiedPositives++;
            twiceRight += (Int128)tiedPositives * ((2 * negatives) + tied - tiedPositives);
            positives += tiedPositives;
            negatives += tied - tiedPositives;
            start += (int)tied;
        }
        return positives == 0 || negatives == 0 ? double.NaN : (double)twiceRight / 2 / ((double)positives * negatives);
    }
}
