namespace DistSgd.Kernels;

/// <summary>Σ x[i]²: the dot product of a vector with itself, in the same order (<see cref="DenseDot"/>).</summary>
public static class SumOfSquares
{
    /// <summary>Computes the sum of squares.</summary>
    /// <param name="x">The vector.</param>
    /// <returns>The sum; +0 for an empty vector.</returns>
    public static float Compute(ReadOnlySpan<float> x) => DenseDot.Compute(x, x);
}
