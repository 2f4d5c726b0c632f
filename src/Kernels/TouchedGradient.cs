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
        in SparseRows rows, ReadOnlySpan<int> order, int biasIndex, ReadOnlySpan<float> scores, float* sums, uint* touched, TLoss loss)
        where TLoss : struct, ILossDerivative
    {
        var count = 0;
        for (var t = 0; t < order.Length; t++)
        {
            var row = new RowCursor(rows, order[t]);
            var g = row.Weight * loss.Derivative(scores[t], row.Label);
            if (g == 0f) continue;
            var c = g / order.Length;
            ref uint keys = ref row.Indices;
            ref float values = ref row.Values;
            for (nint i = 0; i < row.Count; i++)
            {
                var key = Unsafe.Add(ref keys, i);
                var old = sums[key];
                touched[count] = key;
                count += IsUntouched(old);
                sums[key] = Mark(MathF.FusedMultiplyAdd(c, Unsafe.Add(ref values, i), old));
            }

            if (biasIndex < 0) continue;
            touched[count] = (uint)biasIndex;
            count += IsUntouched(sums[biasIndex]);
            sums[biasIndex] = Mark(sums[biasIndex] + c);
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IsUntouched(float sum) => BitConverter.SingleToUInt32Bits(sum) == 0 ? 1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Mark(float sum) => sum == 0f ? -0f : sum;
}
