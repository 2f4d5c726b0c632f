namespace DistSgd.Learning.Metrics;

/// <summary>What all metrics ask of their arguments.</summary>
internal static class Pairs
{
    public static void Check(ReadOnlySpan<float> predictions, ReadOnlySpan<float> targets)
    {
        if (predictions.Length != targets.Length)
            throw new ArgumentException($"There are {predictions.Length} predictions and {targets.Length} targets; expected as many.");
    }
}
