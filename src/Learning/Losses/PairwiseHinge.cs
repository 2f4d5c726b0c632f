using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>
/// The loss of SVM-rank (Herbrich et al. 1999, Joachims 2002). For a query with n rows and P pairs (i, j) with y_i &gt; y_j:
/// (n/P) Σ max(0, 1 − (f_i − f_j)), so that each row counts as one, whatever the number of pairs. Queries without pairs cost nothing.
/// </summary>
public static class PairwiseHinge
{
    /// <summary>Loss and derivatives in the scores.</summary>
    /// <param name="labels">How high each row is to rank; one query's rows.</param>
    /// <param name="scores">f of each row.</param>
    /// <param name="derivatives">Overwritten with dℓ/df of each row.</param>
    /// <returns>The query's loss.</returns>
    public static double Query(ReadOnlySpan<float> labels, ReadOnlySpan<float> scores, Span<float> derivatives)
    {
        derivatives.Clear();
        long pairs = 0;
        double sum = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            for (int j = 0; j < labels.Length; j++)
            {
                if (!(labels[i] > labels[j]))
                    continue;
                pairs++;
                float missing = 1f - (scores[i] - scores[j]);
                if (!(missing > 0f))
                    continue;
                sum += missing;
                derivatives[i] -= 1f;
                derivatives[j] += 1f;
            }
        }
        if (pairs == 0)
            return 0;
        float weight = (float)labels.Length / pairs;
        for (int i = 0; i < derivatives.Length; i++)
            derivatives[i] *= weight;
        return sum * labels.Length / pairs;
    }

    /// <summary>Loss and derivatives of several queries.</summary>
    /// <param name="rows">A block with queries.</param>
    /// <param name="batch">Rows of whole queries, those of one query side by side.</param>
    /// <param name="scores">f of each visit.</param>
    /// <param name="derivatives">Row by row of the block; overwritten for the rows of the batch.</param>
    /// <param name="scratch">At least twice as long as the batch.</param>
    /// <returns>The sum of the queries' losses.</returns>
    public static double Batch(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> scores, Span<float> derivatives, Span<float> scratch)
    {
        double sum = 0;
        for (int first = 0; first < batch.Length;)
        {
            int count = Count(rows, batch, first);
            Span<float> labels = scratch[..count], slopes = scratch.Slice(batch.Length, count);
            for (int i = 0; i < count; i++)
                labels[i] = rows.Labels[batch[first + i]];
            sum += Query(labels, scores.Slice(first, count), slopes);
            for (int i = 0; i < count; i++)
                derivatives[batch[first + i]] = slopes[i];
            first += count;
        }
        return sum;
    }

    /// <summary>How many visits from the first on are of one query.</summary>
    /// <param name="rows">A block with queries.</param>
    /// <param name="order">The visits.</param>
    /// <param name="first">The first visit.</param>
    public static int Count(in SparseRows rows, ReadOnlySpan<int> order, int first)
    {
        int end = first + 1;
        while (end < order.Length && rows.Queries[order[end]] == rows.Queries[order[first]])
            end++;
        return end - first;
    }
}

/// <summary>Stands for a loss whose derivatives were computed before: they lie where the labels would.</summary>
internal readonly struct GivenDerivative : ILossDerivative
{
    public float Derivative(float score, float label) => label;
}
