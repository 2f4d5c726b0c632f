namespace DistSgd.Learning.Optimizers;

/// <summary>Projection onto an L2 ball: w ← w·R/‖w‖ where ‖w‖ &gt; R.</summary>
public static class BallProjection
{
    /// <summary>Projects values that lie a stride apart.</summary>
    /// <param name="radius">R, positive.</param>
    /// <param name="entries">Values at 0, stride, 2·stride, …; changed.</param>
    /// <param name="stride">At least 1.</param>
    public static void Apply(float radius, Span<float> entries, int stride)
    {
        double square = 0;
        for (int i = 0; i < entries.Length; i += stride)
            square += (double)entries[i] * entries[i];
        if (square <= (double)radius * radius)
            return;
        double factor = radius / Math.Sqrt(square);
        for (int i = 0; i < entries.Length; i += stride)
            entries[i] = (float)(entries[i] * factor);
    }
}
