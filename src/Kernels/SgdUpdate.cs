namespace DistSgd.Kernels;

/// <summary>
/// The SGD step on a parameter shard: w = fma(−rate, g, w). Plain 4-byte loads and stores (vectorised when dense), so that many
/// threads may apply to one shard at once (Hogwild).
/// </summary>
public static class SgdUpdate
{
    /// <summary>Steps every key.</summary>
    /// <param name="rate">Learning rate.</param>
    /// <param name="gradient">One element per key; must not overlap the weights.</param>
    /// <param name="weights">Read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Dense(float rate, ReadOnlySpan<float> gradient, Span<float> weights) => Axpy.Apply(-rate, gradient, weights);

    /// <summary>Steps the listed keys.</summary>
    /// <param name="rate">Learning rate.</param>
    /// <param name="localKeys">Unique keys, counted from the start of <paramref name="weights"/>; the caller guarantees
    /// (<see cref="IndexBound"/>) that each is below its length.</param>
    /// <param name="gradient">One element per listed key.</param>
    /// <param name="weights">Read and written.</param>
    /// <exception cref="ArgumentException">Keys and gradient differ in number.</exception>
    public static void Sparse(float rate, ReadOnlySpan<uint> localKeys, ReadOnlySpan<float> gradient, Span<float> weights) =>
        SparseAxpy.Apply(-rate, localKeys, gradient, weights);
}
