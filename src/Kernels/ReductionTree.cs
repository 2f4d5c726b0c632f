using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DistSgd.Kernels;

/// <summary>What a sum adds for one pair of elements.</summary>
internal interface ITerm
{
    /// <summary>The partial sum with the term of (x, y) added.</summary>
    static abstract float Add(float x, float y, float partial);

    /// <summary>The same, lane by lane.</summary>
    static abstract T Add<T>(T x, T y, T partial)
        where T : struct, ILane<T>;
}

/// <summary>
/// The one order in which dense sums are added, whatever the vector width: 64 partial sums p₀…p₆₃ start at +0; element i is
/// added to p[i mod 64] in ascending i; the vectors count as padded with +0 to a multiple of 64; then
/// for h = 32, 16, 8, 4, 2, 1: p[j] = p[j] + p[j+h] for j &lt; h. The result is p₀.
/// </summary>
internal static class ReductionTree
{
    public const int Partials = 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum<TTerm>(KernelForm form, ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        where TTerm : struct, ITerm =>
        form == KernelForm.Avx512 ? Sum512<TTerm>(x, y)
        : form == KernelForm.Avx2 ? Sum256<TTerm>(x, y)
        : SumPortable<TTerm>(x, y);

    // The padded rest is prepared before the loop: a call while the partial sums live would spill them in every round.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum512<TTerm>(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        where TTerm : struct, ITerm
    {
        Span<float> rest = stackalloc float[2 * Partials];
        if (x.Length % Partials != 0) Pad(x, y, rest);
        ref float left = ref MemoryMarshal.GetReference(x);
        ref float right = ref MemoryMarshal.GetReference(y);
        ref float padded = ref MemoryMarshal.GetReference(rest);
        var p = default(Block<Lane16>);
        var i = 0;
        for (; i <= x.Length - Partials; i += Partials) p.Add<TTerm>(ref left, ref right, i);
        if (i < x.Length) p.Add<TTerm>(ref padded, ref Unsafe.Add(ref padded, Partials), 0);
        var folded = p.Fold();
        return Fold(folded.Value.GetLower() + folded.Value.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum256<TTerm>(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        where TTerm : struct, ITerm
    {
        Span<float> rest = stackalloc float[2 * Partials];
        if (x.Length % Partials != 0) Pad(x, y, rest);
        ref float left = ref MemoryMarshal.GetReference(x);
        ref float right = ref MemoryMarshal.GetReference(y);
        ref float padded = ref MemoryMarshal.GetReference(rest);
        var p = default(Block<Lane8>);
        var q = default(Block<Lane8>);
        var i = 0;
        for (; i <= x.Length - Partials; i += Partials)
        {
            p.Add<TTerm>(ref left, ref right, i);
            q.Add<TTerm>(ref left, ref right, i + Partials / 2);
        }

        if (i < x.Length)
        {
            p.Add<TTerm>(ref padded, ref Unsafe.Add(ref padded, Partials), 0);
            q.Add<TTerm>(ref padded, ref Unsafe.Add(ref padded, Partials), Partials / 2);
        }

        p.P0 += q.P0;
        p.P1 += q.P1;
        p.P2 += q.P2;
        p.P3 += q.P3;
        return Fold(p.Fold().Value);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumPortable<TTerm>(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        where TTerm : struct, ITerm
    {
        Span<float> p = stackalloc float[Partials];
        for (var i = 0; i < x.Length; i++) p[i % Partials] = TTerm.Add(x[i], y[i], p[i % Partials]);
        for (var j = x.Length % Partials; j > 0 && j < Partials; j++) p[j] = TTerm.Add(0f, 0f, p[j]);
        for (var half = Partials / 2; half > 0; half /= 2)
        {
            for (var j = 0; j < half; j++) p[j] += p[j + half];
        }

        return p[0];
    }

    private static void Pad(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> padded)
    {
        var start = x.Length - x.Length % Partials;
        padded.Clear();
        x[start..].CopyTo(padded);
        y[start..].CopyTo(padded[Partials..]);
    }

    // The last three levels of the tree: h = 4, 2, 1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Fold(Vector256<float> p)
    {
        var four = p.GetLower() + p.GetUpper();
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3));
        return two.ToScalar() + two.GetElement(1);
    }

    /// <summary>Four vectors of neighbouring partial sums.</summary>
    private struct Block<T>
        where T : struct, ILane<T>
    {
        public T P0;
        public T P1;
        public T P2;
        public T P3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add<TTerm>(ref float x, ref float y, int i)
            where TTerm : struct, ITerm
        {
            P0 = TTerm.Add(T.Load(ref x, i), T.Load(ref y, i), P0);
            P1 = TTerm.Add(T.Load(ref x, i + T.Width), T.Load(ref y, i + T.Width), P1);
            P2 = TTerm.Add(T.Load(ref x, i + 2 * T.Width), T.Load(ref y, i + 2 * T.Width), P2);
            P3 = TTerm.Add(T.Load(ref x, i + 3 * T.Width), T.Load(ref y, i + 3 * T.Width), P3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Fold() => P0 + P2 + (P1 + P3);
    }
}
