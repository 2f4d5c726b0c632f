namespace DistSgd.Learning.Metrics;

/// <summary>The share of examples on whose side of 0 the score lies.</summary>
public static class Accuracy
{
    /// <summary>(1/n) · #{i : (scoreᵢ &gt; 0) = (labelᵢ &gt; 0)}; a score of 0 counts as negative. NaN for no examples.</summary>
    /// <param name="scores">One for each example.</param>
    /// <param name="labels">−1 or +1.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Of(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        return Of(scores, labels, []);
    }

    /// <summary>The same with weights: (Σ wᵢ over those i) / Σ wᵢ.</summary>
    /// <param name="scores">One for each example.</param>
    /// <param name="labels">−1 or +1.</param>
    /// <param name="weights">0 or more, one for each example; empty: 1 each.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Of(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights)
    {
        Pairs.Check(scores, labels);
        double right = 0, all = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            float weight = weights.IsEmpty ? 1 : weights[i];
            all += weight;
            if (scores[i] > 0 == labels[i] > 0) right += weight;
        }
        return right / all;
    }
}
