namespace DistSgd.Learning.Metrics;

/// <summary>How far predictions of real targets are off. Weights are 0 or more, one an example; none: 1 each.</summary>
public static class RegressionError
{
    /// <summary>√(Σ wᵢ (predictionᵢ − targetᵢ)² / Σ wᵢ), summed in double. NaN for no examples.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double RootMeanSquare(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets, ReadOnlySpan<float> weights = default) =>
        Math.Sqrt(SumOfSquares(predictions, targets, weights) / Total(predictions.Length, weights));

    /// <summary>R² = 1 − Σ wᵢ (predictionᵢ − targetᵢ)² / Σ wᵢ (targetᵢ − mean)²: 1 is perfect, 0 as good as the mean. NaN if all targets are equal.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double RSquared(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets, ReadOnlySpan<float> weights = default)
    {
        double mean = 0;
        for (int i = 0; i < targets.Length; i++) mean += Weight(weights, i) * (double)targets[i];
        mean /= Total(targets.Length, weights);
        double total = 0;
        for (int i = 0; i < targets.Length; i++) total += Weight(weights, i) * (targets[i] - mean) * (targets[i] - mean);
        double residual = SumOfSquares(predictions, targets, weights);
        return total == 0 ? double.NaN : 1 - (residual / total);
    }

    /// <summary>Σ wᵢ |predictionᵢ − targetᵢ| / Σ wᵢ, summed in double. NaN for no examples.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double MeanAbsolute(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets, ReadOnlySpan<float> weights = default)
    {
        Pairs.Check(predictions, targets);
        double sum = 0;
        for (int i = 0; i < predictions.Length; i++)
            sum += Weight(weights, i) * Math.Abs((double)predictions[i] - targets[i]);
        return sum / Total(predictions.Length, weights);
    }

    private static double SumOfSquares(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets, ReadOnlySpan<float> weights)
    {
        Pairs.Check(predictions, targets);
        double sum = 0;
        for (int i = 0; i < predictions.Length; i++)
        {
            double error = (double)predictions[i] - targets[i];
            sum += Weight(weights, i) * error * error;
        }
        return sum;
    }

    private static float Weight(ReadOnlySpan<float> weights, int i) => weights.IsEmpty ? 1 : weights[i];

    private static double Total(int rows, ReadOnlySpan<float> weights)
    {
        double total = weights.IsEmpty ? rows : 0;
        foreach (float weight in weights) total += weight;
        return total;
    }
}
