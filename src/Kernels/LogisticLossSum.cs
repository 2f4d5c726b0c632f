using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// Σ log(1 + e^(−z)) with z = labels[i]·scores[i]. A term is (z &lt; 0 ? −z : 0) + Log1p(Exp(−|z|)) of <see cref="ScalarMath"/>, which never
/// overflows; 512 terms at a time are added in the one order in which dense sums are added, and these sums in double precision.
/// </summary>
public static class LogisticLossSum
{
    private const int ChunkRows = 512;

    /// <summary>Sums the losses.</summary>
    /// <param name="scores">f of each row.</param>
    /// <param name="labels">y = ±1 of each row, as many as scores.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Compute(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels) => Compute(KernelForms.Best, scores, labels);

    internal static double Compute(KernelForm form, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        KernelGuard.SameLength(scores.Length, labels.Length, nameof(labels));
        Span<float> terms = stackalloc float[ChunkRows];
        double sum = 0;
        for (var start = 0; start < scores.Length; start += ChunkRows)
        {
            var count = Math.Min(ChunkRows, scores.Length - start);
            var x = scores.Slice(start, count);
            var y = labels.Slice(start, count);
            var done = form == KernelForm.Avx512 ? Vectors<Lane16>(x, y, terms) : form == KernelForm.Avx2 ? Vectors<Lane8>(x, y, terms) : 0;
            for (var i = done; i < count; i++) terms[i] = Term(y[i] * x[i]);
            sum += SumOfMagnitudes.Compute(form, terms[..count]);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Vectors<T>(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, Span<float> terms)
        where T : struct, ILane<T>
    {
        ref float x = ref MemoryMarshal.GetReference(scores);
        ref float y = ref MemoryMarshal.GetReference(labels);
        ref float to = ref MemoryMarshal.GetReference(terms);
        var i = 0;
        for (; i <= scores.Length - T.Width; i += T.Width)
        {
            var z = T.Load(ref y, i) * T.Load(ref x, i);
            var rest = VectorMath.Log1p(VectorMath.Exp(T.Or(z, T.AllBits(int.MinValue))));
            (T.And(T.Less(z, T.All(0f)), T.All(0f) - z) + rest).Store(ref to, i);
        }

        return i;
    }

    private static float Term(float z) => (z < 0f ? -z : 0f) + ScalarMath.Log1p(ScalarMath.Exp(-MathF.Abs(z)));
}
