using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>Pairs that lie side by side, taken apart into two planes and put together again.</summary>
public static class InterleavedPairs
{
    /// <summary>first[i] = pairs[2i]; second[i] = pairs[2i+1].</summary>
    /// <param name="pairs">Twice as long as the planes.</param>
    /// <param name="first">Overwritten.</param>
    /// <param name="second">Overwritten.</param>
    /// <exception cref="ArgumentException">The lengths don't fit.</exception>
    public static void Split(ReadOnlySpan<float> pairs, Span<float> first, Span<float> second) => Split(KernelForms.Best, pairs, first, second);

    /// <summary>pairs[2i] = first[i]; pairs[2i+1] = second[i].</summary>
    /// <param name="first">The first of each pair.</param>
    /// <param name="second">The second.</param>
    /// <param name="pairs">Overwritten; twice as long.</param>
    /// <exception cref="ArgumentException">The lengths don't fit.</exception>
    public static void Join(ReadOnlySpan<float> first, ReadOnlySpan<float> second, Span<float> pairs) => Join(KernelForms.Best, first, second, pairs);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Split(KernelForm form, ReadOnlySpan<float> pairs, Span<float> first, Span<float> second)
    {
        Check(pairs.Length, first.Length, second.Length);
        var done = form == KernelForm.Avx512 ? SplitIn<Lane16>(pairs, first, second, 0)
            : form == KernelForm.Avx2 ? SplitIn<Lane8>(pairs, first, second, 0)
            : 0;
        SplitIn<Lane1>(pairs, first, second, done);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Join(KernelForm form, ReadOnlySpan<float> first, ReadOnlySpan<float> second, Span<float> pairs)
    {
        Check(pairs.Length, first.Length, second.Length);
        var done = form == KernelForm.Avx512 ? JoinIn<Lane16>(first, second, pairs, 0)
            : form == KernelForm.Avx2 ? JoinIn<Lane8>(first, second, pairs, 0)
            : 0;
        JoinIn<Lane1>(first, second, pairs, done);
    }

    private static void Check(int pairs, int first, int second)
    {
        KernelGuard.SameLength(first, second, nameof(second));
        KernelGuard.SameLength(2 * first, pairs, nameof(pairs));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int SplitIn<T>(ReadOnlySpan<float> pairs, Span<float> first, Span<float> second, int start)
        where T : struct, ILane<T>
    {
        ref float from = ref MemoryMarshal.GetReference(pairs);
        ref float even = ref MemoryMarshal.GetReference(first);
        ref float odd = ref MemoryMarshal.GetReference(second);
        var i = start;
        for (; i <= first.Length - T.Width; i += T.Width)
        {
            T.LoadInterleaved(ref from, 2 * i, out var a, out var b);
            a.Store(ref even, i);
            b.Store(ref odd, i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int JoinIn<T>(ReadOnlySpan<float> first, ReadOnlySpan<float> second, Span<float> pairs, int start)
        where T : struct, ILane<T>
    {
        ref float even = ref MemoryMarshal.GetReference(first);
        ref float odd = ref MemoryMarshal.GetReference(second);
        ref float to = ref MemoryMarshal.GetReference(pairs);
        var i = start;
        for (; i <= first.Length - T.Width; i += T.Width) T.StoreInterleaved(T.Load(ref even, i), T.Load(ref odd, i), ref to, 2 * i);
        return i;
    }
}
