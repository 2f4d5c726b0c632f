namespace DistSgd.Learning.Metrics;

/// <summary>The area under the receiver operating characteristic: the chance that a random positive scores above a random negative, ties counting half.</summary>
public static class RocAuc
{
    private const int DigitBits = 11;
    private const int DigitCount = 1 << DigitBits;
    private const int NumberBits = 33;

    /// <summary>Exact, O(n): the Mann–Whitney statistic, counted in whole numbers. NaN if all labels are of one class.</summary>
    /// <param name="scores">One for each example; no NaN.</param>
    /// <param name="labels">−1 or +1.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a score is NaN.</exception>
    public static double Of(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        Pairs.Check(scores, labels);
        // Score and label in one number, so that one sort of plain numbers orders both.
        ulong[] sorted = new ulong[scores.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            if (float.IsNaN(scores[i])) throw new ArgumentException($"Score {i} is NaN; expected a number.", nameof(scores));
            sorted[i] = ((ulong)Ordered(scores[i]) << 1) | (labels[i] > 0 ? 1UL : 0UL);
        }
        sorted = Sort(sorted);

        // Twice the number of (positive, negative) pairs in the right order, a tie counting one: below 2⁶² for the most rows that an array has.
        long twiceRight = 0;
        long positives = 0;
        long negatives = 0;
        for (int start = 0; start < sorted.Length;)
        {
            long tiedPositives = 0;
            long tied = 0;
            for (; start + tied < sorted.Length && sorted[start + tied] >> 1 == sorted[start] >> 1; tied++) tiedPositives += (long)(sorted[start + tied] & 1);
            twiceRight += tiedPositives * ((2 * negatives) + tied - tiedPositives);
            positives += tiedPositives;
            negatives += tied - tiedPositives;
            start += (int)tied;
        }
        return positives == 0 || negatives == 0 ? double.NaN : (double)twiceRight / 2 / ((double)positives * negatives);
    }

    // Digit by digit from the lowest (radix sort).
    private static ulong[] Sort(ulong[] numbers)
    {
        ulong[] other = new ulong[numbers.Length];
        int[] places = new int[DigitCount];
        for (int shift = 0; shift < NumberBits; shift += DigitBits)
        {
            Array.Clear(places);
            foreach (ulong number in numbers) places[Digit(number, shift)]++;
            for (int digit = 0, place = 0; digit < DigitCount; digit++) (places[digit], place) = (place, place + places[digit]);
            foreach (ulong number in numbers) other[places[Digit(number, shift)]++] = number;
            (numbers, other) = (other, numbers);
        }
        return numbers;
    }

    private static int Digit(ulong number, int shift) => (int)(number >> shift) & (DigitCount - 1);

    // A whole number in the order of the floats, from 0; −0 and +0 are one.
    private static uint Ordered(float score)
    {
        int bits = BitConverter.SingleToInt32Bits(score + 0f);
        return (uint)((bits < 0 ? int.MinValue - (long)bits : bits) - int.MinValue);
    }
}
