namespace DistSgd.Kernels;

/// <summary>
/// p = softmax(f), for any k: m = max f;  e_i = Exp(f_i − m);  s = e₀ + e₁ + … in ascending order;  p_i = e_i·(1/s). Every form gives the same bits.
/// </summary>
public static class Softmax
{
    /// <summary>Computes the probabilities and log Σ e^f.</summary>
    /// <param name="scores">f, at least one number; not NaN.</param>
    /// <param name="probabilities">Receives p; as long. May be the same span.</param>
    /// <returns>log Σ e^f = m + Log(s).</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static float Apply(ReadOnlySpan<float> scores, Span<float> probabilities)
    {
        KernelGuard.SameLength(scores.Length, probabilities.Length, nameof(probabilities));
        var largest = float.NegativeInfinity;
        foreach (var score in scores) largest = MathF.Max(largest, score);
        for (var i = 0; i < scores.Length; i++) probabilities[i] = scores[i] - largest;
        VectorExp.Apply(probabilities, probabilities);
        var sum = 0f;
        foreach (var power in probabilities) sum += power;
        Scale.Apply(1f / sum, probabilities);
        return largest + ScalarMath.Log(sum);
    }
}
