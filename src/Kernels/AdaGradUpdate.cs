using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// The AdaGrad step on a parameter shard: r = fma(g, g, r); w = w − (rate·g)/(delta + √r), with the IEEE square root and division.
/// Plain loads and stores, so that many threads may apply to one shard at once (Hogwild). Every form gives the same bits.
/// </summary>
public static unsafe class AdaGradUpdate
{
    /// <summary>Steps every key; weights and sums of squares lie in separate arrays, none of the spans overlap.</summary>
    /// <param name="rate">Learning rate, finite, at least 0.</param>
    /// <param name="delta">The small constant, positive.</param>
    /// <param name="gradient">One element per key.</param>
    /// <param name="weights">Read and written.</param>
    /// <param name="accumulators">Sums of squares, read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate or delta is out of range.</exception>
    public static void Dense(float rate, float delta, ReadOnlySpan<float> gradient, Span<float> weights, Span<float> accumulators) =>
        Dense(KernelForms.Best, rate, delta, gradient, weights, accumulators);

    /// <summary>Steps the listed keys; entries[2j] is a weight, entries[2j+1] its sum of squares.</summary>
    /// <param name="rate">Learning rate, finite, at least 0.</param>
    /// <param name="delta">The small constant, positive.</param>
    /// <param name="localKeys">Unique keys, counted from the start of <paramref name="entries"/>; the caller guarantees
    /// (<see cref="IndexBound"/>) that each is below half its length.</param>
    /// <param name="gradient">One element per listed key.</param>
    /// <param name="entries">Read and written.</param>
    /// <exception cref="ArgumentException">Keys and gradient differ in number.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate or delta is out of range.</exception>
    public static void Sparse(float rate, float delta, ReadOnlySpan<uint> localKeys, ReadOnlySpan<float> gradient, Span<float> entries) =>
        Sparse(KernelForms.Best, rate, delta, localKeys, gradient, entries);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Dense(
        KernelForm form, float rate, float delta, ReadOnlySpan<float> gradient, Span<float> weights, Span<float> accumulators)
    {
        KernelGuard.SameLength(gradient.Length, weights.Length, nameof(weights));
        KernelGuard.SameLength(gradient.Length, accumulators.Length, nameof(accumulators));
        KernelGuard.FiniteRate(rate);
        KernelGuard.PositiveDelta(delta);
        var done = form == KernelForm.Avx512 ? DenseVectors<Lane16>(rate, delta, gradient, weights, accumulators)
            : form == KernelForm.Avx2 ? DenseVectors<Lane8>(rate, delta, gradient, weights, accumulators)
            : 0;
        for (var i = done; i < gradient.Length; i++)
        {
            accumulators[i] = MathF.FusedMultiplyAdd(gradient[i], gradient[i], accumulators[i]);
            weights[i] -= rate * gradient[i] / (delta + MathF.Sqrt(accumulators[i]));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Sparse(
        KernelForm form, float rate, float delta, ReadOnlySpan<uint> localKeys, ReadOnlySpan<float> gradient, Span<float> entries)
    {
        KernelGuard.SameLength(localKeys.Length, gradient.Length, nameof(gradient));
        KernelGuard.FiniteRate(rate);
        KernelGuard.PositiveDelta(delta);
        if (form == KernelForm.Portable) SparseIn<PortableForm>(rate, delta, localKeys, gradient, entries);
        else SparseIn<Avx2Form>(rate, delta, localKeys, gradient, entries);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int DenseVectors<T>(
        float rate, float delta, ReadOnlySpan<float> gradient, Span<float> weights, Span<float> accumulators)
        where T : struct, ILane<T>
    {
        ref float from = ref MemoryMarshal.GetReference(gradient);
        ref float values = ref MemoryMarshal.GetReference(weights);
        ref float sums = ref MemoryMarshal.GetReference(accumulators);
        var i = 0;
        for (; i <= gradient.Length - T.Width; i += T.Width)
        {
            var g = T.Load(ref from, i);
            var r = T.Fma(g, g, T.Load(ref sums, i));
            r.Store(ref sums, i);
            (T.Load(ref values, i) - T.All(rate) * g / (T.All(delta) + T.Sqrt(r))).Store(ref values, i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SparseIn<TForm>(
        float rate, float delta, ReadOnlySpan<uint> localKeys, ReadOnlySpan<float> gradient, Span<float> entries)
        where TForm : struct, IKernelForm
    {
        fixed (uint* keys = localKeys)
        fixed (float* values = gradient)
        fixed (float* floats = entries)
        {
            AdaGradEntry.StepAll<TForm>(rate, delta, 1f, keys, values, localKeys.Length, (double*)floats);
        }
    }
}
