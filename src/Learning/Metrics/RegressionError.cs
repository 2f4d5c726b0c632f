namespace DistSgd.Learning.Metrics;

/// <summary>How far predictions of real targets are off.</summary>
public static class RegressionError
{
    /// <summary>√((1/n) Σ (predictionᵢ − targetᵢ)²), summed in double. NaN for no examples.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double RootMeanSquare(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets) =>
        Math.Sqrt(SumOfSquares(predictions, targets) / predictions.Length);

    /// <summary>R² = 1 − Σ(predictionᵢ − targetᵢ)² / Σ(targetᵢ − mean)²: 1 is perfect, 0 as good as the mean. NaN if all targets are equal.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double RSquared(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets)
    {
        double mean = 0;
        foreach (float target in targets) mean += target;
        mean /= targets.Length;
        double total = 0;
        foreach (float target in targets) total += (target - mean) * (target - mean);
        double residual = SumOfSquares(predictions, targets);
        return total == 0 ? double.NaN : 1 - (residual / total);
    }

    /// <summary>(1/n) Σ |predictionᵢ − targetᵢ|, summed in double. NaN for no examples.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double MeanAbsolute(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets)
    {
        Pairs.Check(predictions, targets);
        double sum = 0;
        for (int i = 0; i < predictions.Length; i++)
            sum += Math.Abs((double)predictions[i] - targets[i]);
        return sum / predictions.Length;
    }

    private static double SumOfSquares(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets)
    {
        Pairs.Check(predictions, targets);
        double sum = 0;
        for (int i = 0; i < predictions.Length; i++)
        {
            double error = (double)predictions[i] - targets[i];
            sum += error * error;
        }
        return sum;
    }
}
