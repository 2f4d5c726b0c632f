using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Sums of losses over scores, in float32 a row (logistic: 512 rows) and float64 above. Used for progress and evaluation; training needs derivatives only.
/// </summary>
public static class LossSum
{
    /// <summary>Sum of the model's loss over all rows.</summary>
    /// <param name="model">Which loss.</param>
    /// <param name="scores">f = w·x + b of each row.</param>
    /// <param name="labels">Target of each row: ±1 in classification, real in regression. As many as scores.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Compute(ModelKind model, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        if (scores.Length != labels.Length)
            throw new ArgumentException($"{scores.Length} scores but {labels.Length} labels.", nameof(labels));
        return model switch
        {
            ModelKind.Linear => Squared(scores, labels),
            ModelKind.Svm => Hinge(scores, labels),
            ModelKind.Logistic => LogisticLossSum.Compute(scores, labels),
            _ => throw new ArgumentOutOfRangeException(nameof(model), model, "Unknown model."),
        };
    }

    private static double Squared(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            double residual = (double)scores[i] - labels[i];
            sum += 0.5 * residual * residual;
        }
        return sum;
    }

    private static double Hinge(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
            sum += MathF.Max(0f, 1f - labels[i] * scores[i]);
        return sum;
    }
}
