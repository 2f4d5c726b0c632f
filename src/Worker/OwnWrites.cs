using DistSgd.Shared.Exchange;

namespace DistSgd.Worker;

/// <summary>
/// Adds a worker's own last delta, which is still under way, to parameters that were pulled before it: a worker always reads its own
/// writes (Ho et al. 2013, §3), so that prefetching costs a lone worker no staleness.
/// </summary>
internal static class OwnWrites
{
    /// <summary>pulled[key] += pushed[key] for the keys in both sets.</summary>
    public static void Add(KeySet pushedKeys, ReadOnlySpan<float> pushed, KeySet pulledKeys, Span<float> pulled, int stride)
    {
        if (pushedKeys.IsRange && pulledKeys.IsRange)
        {
            Kernels.Add.Apply(pushed, pulled);
            return;
        }
        ReadOnlySpan<uint> from = pushedKeys.Keys, to = pulledKeys.Keys;
        for (int i = 0, j = 0; i < from.Length && j < to.Length;)
        {
            if (from[i] == to[j])
            {
                for (int k = 0; k < stride; k++)
                    pulled[j * stride + k] += pushed[i * stride + k];
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
