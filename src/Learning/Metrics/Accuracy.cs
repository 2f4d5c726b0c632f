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
        Pairs.Check(scores, labels);
        long right = 0;
        for (int i = 0; i < scores.Length; i++) if (scores[i] > 0 == labels[i] > 0) right++;
        return (double)right / scores.Length;
    }
}
