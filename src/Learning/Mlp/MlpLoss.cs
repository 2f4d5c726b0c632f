using DistSgd.Kernels;

namespace DistSgd.Learning.Mlp;

/// <summary>Losses of a mini-batch from its scores, and their derivatives.</summary>
internal static class MlpLoss
{
    /// <summary>Loss sum, and the derivative of the mean loss in each score.</summary>
    /// <param name="head">The loss.</param>
    /// <param name="outputs">Scores a row, k.</param>
    /// <param name="scores">k a row.</param>
    /// <param name="labels">One a row: a class number from 0, ±1, or a real target.</param>
    /// <param name="weights">What each row counts; empty: 1.</param>
    /// <param name="derivative">As long as the scores; overwritten.</param>
    public static double Compute(MlpHead head, int outputs, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights, Span<float> derivative)
    {
        if (!weights.IsEmpty)
            return Weighted(head, outputs, scores, labels, weights, derivative);
        double loss = head == MlpHead.Softmax ? Softmax(outputs, scores, labels, derivative) : 0;
        for (int i = 0; i < labels.Length && head != MlpHead.Softmax; i++)
        {
            ReadOnlySpan<float> row = scores.Slice(i * outputs, outputs);
            Span<float> slope = derivative.Slice(i * outputs, outputs);
            loss += head switch
            {
                MlpHead.Hinge => Hinge(row, (int)labels[i], slope),
                MlpHead.Squared => Squared(row, labels[i], slope),
                _ => Logistic(row[0], labels[i], out slope[0]),
            };
        }
        Scale.Apply(1f / labels.Length, derivative);
        return loss;
    }

    private static double Weighted(MlpHead head, int outputs, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights, Span<float> derivative)
    {
        double loss = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            Span<float> slope = derivative.Slice(i * outputs, outputs);
            loss += weights[i] * Compute(head, outputs, scores.Slice(i * outputs, outputs), labels.Slice(i, 1), [], slope);
            Scale.Apply(weights[i] / labels.Length, slope);
        }
        return loss;
    }

    private static double Softmax(int outputs, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, Span<float> derivative)
    {
        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<float> row = scores.Slice(i * outputs, outputs);
            float most = Largest(row);
            Span<float> shifted = derivative.Slice(i * outputs, outputs);
            for (int j = 0; j < row.Length; j++)
                shifted[j] = row[j] - most;
        }
        double loss = 0;
        for (int i = 0; i < labels.Length; i++)
            loss -= derivative[i * outputs + (int)labels[i]];
        VectorExp.Apply(derivative, derivative);
        for (int i = 0; i < labels.Length; i++)
        {
            Span<float> powers = derivative.Slice(i * outputs, outputs);
            float sum = 0;
            foreach (float power in powers)
                sum += power;
            loss += ScalarMath.Log(sum);
            float scale = 1f / sum;
            for (int j = 0; j < powers.Length; j++)
                powers[j] *= scale;
            powers[(int)labels[i]] -= 1f;
        }
        return loss;
    }

    private static double Hinge(ReadOnlySpan<float> scores, int label, Span<float> slope)
    {
        double loss = 0;
        slope.Clear();
        for (int j = 0; j < scores.Length; j++)
        {
            float violation = scores[j] - scores[label] + 1f;
            if (j == label || !(violation > 0))
                continue;
            loss += violation;
            slope[j] = 1f;
            slope[label] -= 1f;
        }
        return loss;
    }

    private static double Squared(ReadOnlySpan<float> scores, float label, Span<float> slope)
    {
        double loss = 0;
        for (int j = 0; j < scores.Length; j++)
        {
            float target = scores.Length == 1 ? label : j == (int)label ? 1f : 0f;
            slope[j] = scores[j] - target;
            loss += 0.5 * slope[j] * slope[j];
        }
        return loss;
    }

    private static double Logistic(float score, float label, out float slope)
    {
        float margin = label * score;
        slope = -label * ScalarMath.Sigmoid(-margin);
        return MathF.Max(0f, -margin) + ScalarMath.Log1p(ScalarMath.Exp(-MathF.Abs(margin)));
    }

    private static float Largest(ReadOnlySpan<float> row)
    {
        float most = row[0];
        foreach (float score in row)
            most = score > most ? score : most;
        return most;
    }
}
