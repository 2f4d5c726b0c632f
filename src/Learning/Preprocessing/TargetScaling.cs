namespace DistSgd.Learning.Preprocessing;

/// <summary>
/// t' = (t − mean)/deviation: targets as a network learns them, so that its weights and rates needn't know their unit. Training sees t'; the trained
/// parameters are turned into those of t, so that a model file needs no scaling. Immutable; any thread.
/// </summary>
/// <param name="Mean">Mean of the training targets.</param>
/// <param name="Deviation">Their standard deviation; positive.</param>
public sealed record TargetScaling(double Mean, double Deviation)
{
    /// <summary>t' of a target.</summary>
    /// <param name="target">t.</param>
    public float ToLearning(float target) => (float)((target - Mean) / Deviation);

    /// <summary>A sum of squared losses of t' in the units of t.</summary>
    /// <param name="lossSum">Σ ½(f' − t')².</param>
    public double ToOriginal(double lossSum) => lossSum * Deviation * Deviation;

    /// <summary>Turns the last layer of a network for t into that for t', in place.</summary>
    /// <param name="weights">Its weights.</param>
    /// <param name="biases">Its biases.</param>
    public void ToLearning(Span<float> weights, Span<float> biases)
    {
        foreach (ref float weight in weights)
            weight = (float)(weight / Deviation);
        foreach (ref float bias in biases)
            bias = (float)((bias - Mean) / Deviation);
    }

    /// <summary>Turns the last layer of a network for t' into that for t, in place.</summary>
    /// <param name="weights">Its weights.</param>
    /// <param name="biases">Its biases.</param>
    public void ToOriginal(Span<float> weights, Span<float> biases)
    {
        foreach (ref float weight in weights)
            weight = (float)(weight * Deviation);
        foreach (ref float bias in biases)
            bias = (float)(bias * Deviation + Mean);
    }
}
