namespace DistSgd.Learning.Metrics;

/// <summary>Normalised discounted cumulative gain (Järvelin &amp; Kekäläinen 2002): how good the top of a ranking is, 1 for the best order.</summary>
public static class Ndcg
{
    /// <summary>
    /// DCG = Σ over the first k places p of (2^label − 1)/log₂(p + 1), over that of the best order. Rows of equal score keep their order. A query
    /// whose labels are all 0 or less counts 1.
    /// </summary>
    /// <param name="scores">The order: descending.</param>
    /// <param name="labels">How good each row is; at most 1,000.</param>
    /// <param name="places">k, at least 1.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Of(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, int places)
    {
        Pairs.Check(scores, labels);
        float[] keys = scores.ToArray(), best = labels.ToArray();
        int[] order = [.. Enumerable.Range(0, keys.Length).OrderByDescending(row => keys[row])];
        Array.Sort(best, (a, b) => b.CompareTo(a));
        double gain = 0, ideal = 0;
        for (int place = 0; place < Math.Min(places, order.Length); place++)
        {
            gain += Gain(labels[order[place]]) / Math.Log2(place + 2);
            ideal += Gain(best[place]) / Math.Log2(place + 2);
        }
        return ideal == 0 ? 1 : gain / ideal;
    }

    private static double Gain(float label) => Math.Pow(2, Math.Max(0, label)) - 1;
}
