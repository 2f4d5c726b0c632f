using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// A worker's private replica meets the shared parameters, in one pass: s = shared[i] + (replica[i] − baseline[i]);
/// shared[i] = replica[i] = baseline[i] = s. What the worker changed since its last merge is added, what others changed is taken over.
/// </summary>
public static class MergeDelta
{
    /// <summary>
    /// Merges and refreshes. Other threads may merge into <paramref name="shared"/> at the same time (Hogwild): plain loads and
    /// stores, a collision may lose the other's delta at that element. The spans do not overlap.
    /// </summary>
    /// <param name="replica">The worker's parameters, read and written.</param>
    /// <param name="baseline">The parameters as of the last merge, read and written.</param>
    /// <param name="shared">The shared parameters, read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(Span<float> replica, Span<float> baseline, Span<float> shared) =>
        Apply(KernelForms.Best, replica, baseline, shared);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Apply(KernelForm form, Span<float> replica, Span<float> baseline, Span<float> shared)
    {
        KernelGuard.SameLength(replica.Length, baseline.Length, nameof(baseline));
        KernelGuard.SameLength(replica.Length, shared.Length, nameof(shared));
        var done = form == KernelForm.Avx512 ? Vectors<Lane16>(replica, baseline, shared)
            : form == KernelForm.Avx2 ? Vectors<Lane8>(replica, baseline, shared)
            : 0;
        for (var i = done; i < replica.Length; i++) replica[i] = baseline[i] = shared[i] += replica[i] - baseline[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Vectors<T>(Span<float> replica, Span<float> baseline, Span<float> shared)
        where T : struct, ILane<T>
    {
        ref float own = ref MemoryMarshal.GetReference(replica);
        ref float old = ref MemoryMarshal.GetReference(baseline);
        ref float all = ref MemoryMarshal.GetReference(shared);
        var i = 0;
        for (; i <= replica.Length - T.Width; i += T.Width)
        {
            var sum = T.Load(ref all, i) + (T.Load(ref own, i) - T.Load(ref old, i));
            sum.Store(ref all, i);
            sum.Store(ref own, i);
            sum.Store(ref old, i);
        }

        return i;
    }
}
