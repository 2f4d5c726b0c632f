using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// The mean gradient of a batch, summed into a large array of zeros, with the list of keys that were touched. A sum of bits +0
/// means "untouched", so a sum that becomes zero on the way is stored as −0: the list then names each key once.
/// </summary>
internal static unsafe class TouchedGradient
{
    /// <summary>Adds c·x with c = g/m over the rows whose scores are given; returns how many keys were touched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Accumulate<TLoss>(
        in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ReadOnlySpan<float> scores, float* sums, uint* touched)
        where TLoss : struct, ILossDerivative
    {
        var count = 0;
        for (var t = 0; t < order.Length; t++)
        {
            var row = new RowCursor(rows, order[t]);
            var g = TLoss.Derivative(scores[t], row.Label);
            if (g == 0f) continue;
            var c = g / order.Length;
            for (nint i = 0; i < row.Count; i++)
            {
                var key = Unsafe.Add(ref row.Indices, i);
                count += Note(key, MathF.FusedMultiplyAdd(c, Unsafe.Add(ref row.Values, i), sums[key]), sums, touched + count);
            }

            if (biasIndex >= 0) count += Note((uint)biasIndex, sums[biasIndex] + c, sums, touched + count);
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Note(uint key, float sum, float* sums, uint* touched)
    {
        var isNew = BitConverter.SingleToUInt32Bits(sums[key]) == 0 ? 1 : 0;
        *touched = key;
        sums[key] = sum == 0f ? -0f : sum;
        return isNew;
    }
}
