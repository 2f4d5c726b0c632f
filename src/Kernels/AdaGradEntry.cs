using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// The AdaGrad step of one key whose weight w and sum of squares r lie side by side:
/// r = fma(g, g, r); w = w − (rate·g)/(delta + √r), with the IEEE square root and division. A gradient of +0 changes nothing,
/// because delta is positive and the rate is finite and not negative; the vector loops rely on it to pad a group.
/// </summary>
internal static unsafe class AdaGradEntry
{
    // Lane i of the mask read at [8 − n] is set for the last n lanes of 8.
    private static ReadOnlySpan<int> TailMasks => [0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(float rate, float delta, float g, float* entry)
    {
        var r = MathF.FusedMultiplyAdd(g, g, entry[1]);
        entry[1] = r;
        entry[0] -= rate * g / (delta + MathF.Sqrt(r));
    }

    /// <summary>
    /// Steps the keys of one row or list with gradients c·values[i]. Keys are unique. The last, incomplete group overlaps the one before it, with gradients of +0 for what is done.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StepAll<TForm>(float rate, float delta, float c, uint* keys, float* values, int count, double* entries)
        where TForm : struct, IKernelForm
    {
        if (TForm.Form == KernelForm.Portable || count < Lane8.Width)
        {
            for (var i = 0; i < count; i++) Step(rate, delta, c * values[i], (float*)(entries + keys[i]));
            return;
        }

        var done = 0;
        if (TForm.Form == KernelForm.Avx512)
        {
            for (; done <= count - Lane16.Width; done += Lane16.Width)
            {
                Group(rate, delta, Lane16.All(c) * Lane16.Load(ref *values, done), keys + done, entries);
            }
        }

        for (; done <= count - Lane8.Width; done += Lane8.Width)
        {
            Group(rate, delta, Lane8.All(c) * Lane8.Load(ref *values, done), keys + done, entries);
        }

        if (done == count) return;
        var start = count - Lane8.Width;
        var mask = Lane8.Load(ref Unsafe.As<int, float>(ref Unsafe.AsRef(in TailMasks[0])), count - done);
        Group(rate, delta, Lane8.And(mask, Lane8.All(c) * Lane8.Load(ref *values, start)), keys + start, entries);
    }

    /// <summary>Steps the touched keys with their gradient sums, and sets the sums back to +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StepTouched<TForm>(float rate, float delta, uint* keys, float* sums, int count, double* entries)
        where TForm : struct, IKernelForm
    {
        const int ChunkKeys = 128;
        var packed = stackalloc float[ChunkKeys];
        for (var start = 0; start < count; start += ChunkKeys)
        {
            var length = Math.Min(ChunkKeys, count - start);
            for (var i = 0; i < length; i++)
            {
                ref float sum = ref sums[keys[start + i]];
                packed[i] = sum + 0f; // −0, the mark of a touched key whose sum is zero, becomes +0
                sum = 0f;
            }

            StepAll<TForm>(rate, delta, 1f, keys + start, packed, length, entries);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Group<T>(float rate, float delta, T g, uint* keys, double* entries)
        where T : struct, ILane<T>
    {
        T.LoadPairs(entries, keys, out var w, out var r);
        r = T.Fma(g, g, r);
        w -= T.All(rate) * g / (T.All(delta) + T.Sqrt(r));
        T.StorePairs(entries, keys, w, r);
    }
}
