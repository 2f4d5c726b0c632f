using System.Runtime.CompilerServices;
using DistSgd.Shared.Exchange;

namespace DistSgd.Worker;

/// <summary>
/// Adds a worker's own last delta, which is still under way, to parameters that were pulled before it: a worker always reads its own
/// writes (Ho et al. 2013, §3), so that prefetching costs a lone worker no staleness. Holds scratch; one thread at a time.
/// </summary>
/// <param name="keyCount">Keys of the job.</param>
/// <param name="stride">Floats a key.</param>
internal sealed class OwnWrites(long keyCount, int stride)
{
    // One float a key is spread out and looked up, without a branch to guess; beyond this many the two sorted lists are merged.
    internal const long SpreadFloatsMax = 16 << 20;

    private const int StridedSlotsMax = 3;

    // Zero between calls.
    private float[] _spread = [];

    /// <summary>pulled[key] += pushed[key] for the keys in both sets.</summary>
    public void Add(KeySet pushedKeys, ReadOnlySpan<float> pushed, KeySet pulledKeys, Span<float> pulled)
    {
        if (pushedKeys.IsRange && pulledKeys.IsRange)
        {
            Kernels.Add.Apply(pushed, pulled);
            return;
        }
        if (keyCount * stride > SpreadFloatsMax)
        {
            Merge(pushedKeys.Keys, pushed, pulledKeys.Keys, pulled);
            return;
        }
        if (_spread.Length == 0)
            _spread = new float[keyCount * stride];
        Spread(pushedKeys.Keys, pushed, pulledKeys.Keys, pulled);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Spread(ReadOnlySpan<uint> from, ReadOnlySpan<float> pushed, ReadOnlySpan<uint> to, Span<float> pulled)
    {
        float[] spread = _spread;
        if (stride > StridedSlotsMax)
        {
            SpreadRuns(from, pushed, to, pulled);
            return;
        }
        for (int slot = 0; slot < stride; slot++)
        {
            for (int i = 0; i < from.Length; i++)
                spread[from[i] * stride + slot] = pushed[i * stride + slot];
            for (int j = 0; j < to.Length; j++)
                pulled[j * stride + slot] += spread[to[j] * stride + slot];
            for (int i = 0; i < from.Length; i++)
                spread[from[i] * stride + slot] = 0f;
        }
    }

    // Many floats a key: key by key, each a run.
    private void SpreadRuns(ReadOnlySpan<uint> from, ReadOnlySpan<float> pushed, ReadOnlySpan<uint> to, Span<float> pulled)
    {
        Span<float> spread = _spread;
        for (int i = 0; i < from.Length; i++)
            pushed.Slice(i * stride, stride).CopyTo(spread[((int)from[i] * stride)..]);
        for (int j = 0; j < to.Length; j++)
            Kernels.Add.Apply(spread.Slice((int)to[j] * stride, stride), pulled.Slice(j * stride, stride));
        for (int i = 0; i < from.Length; i++)
            spread.Slice((int)from[i] * stride, stride).Clear();
    }

    private void Merge(ReadOnlySpan<uint> from, ReadOnlySpan<float> pushed, ReadOnlySpan<uint> to, Span<float> pulled)
    {
        for (int i = 0, j = 0; i < from.Length && j < to.Length;)
        {
            if (from[i] == to[j])
            {
                for (int slot = 0; slot < stride; slot++)
                    pulled[j * stride + slot] += pushed[i * stride + slot];
                i++;
                j++;
            }
            else if (from[i] < to[j])
            {
                i++;
            }
            else
            {
                j++;
            }
        }
    }
}
