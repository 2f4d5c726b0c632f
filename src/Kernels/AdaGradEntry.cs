using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// The AdaGrad step of one key whose weight w and sum of squares r lie side by side:
/// r = fma(g, g, r); w = w − (rate·g)/(delta + √r), with the IEEE square root and division.
/// Groups of 8 in both vector forms: 16 were not faster, because gathering and scattering take the time.
/// </summary>
internal static unsafe class AdaGradEntry
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(float rate, float delta, float g, float* entry)
    {
        var r = MathF.FusedMultiplyAdd(g, g, entry[1]);
        entry[1] = r;
        entry[0] -= rate * g / (delta + MathF.Sqrt(r));
    }

    /// <summary>
    /// Steps the keys of one row or list with gradients c·values[i]. Keys are unique. The last 9 to 15 elements are two groups that
    /// overlap; both are read before either is written, so the shared elements are computed twice, with one result.
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
        for (; done <= count - 2 * Lane8.Width; done += Lane8.Width)
        {
            Group(rate, delta, Lane8.All(c) * Lane8.Load(ref *values, done), keys + done, entries);
        }

        var last = count - Lane8.Width;
        var g = Lane8.All(c) * Lane8.Load(ref *values, done);
        if (done == last) Group(rate, delta, g, keys + done, entries);
        else Groups(rate, delta, g, Lane8.All(c) * Lane8.Load(ref *values, last), keys + done, keys + last, entries);
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
    private static void Group(float rate, float delta, Lane8 g, uint* keys, double* entries)
    {
        Lane8.LoadPairs(entries, keys, out var w, out var r);
        r = Lane8.Fma(g, g, r);
        w -= Lane8.All(rate) * g / (Lane8.All(delta) + Lane8.Sqrt(r));
        Lane8.StorePairs(entries, keys, w, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Groups(float rate, float delta, Lane8 g0, Lane8 g1, uint* keys0, uint* keys1, double* entries)
    {
        Lane8.LoadPairs(entries, keys0, out var w0, out var r0);
        Lane8.LoadPairs(entries, keys1, out var w1, out var r1);
        r0 = Lane8.Fma(g0, g0, r0);
        r1 = Lane8.Fma(g1, g1, r1);
        w0 -= Lane8.All(rate) * g0 / (Lane8.All(delta) + Lane8.Sqrt(r0));
        w1 -= Lane8.All(rate) * g1 / (Lane8.All(delta) + Lane8.Sqrt(r1));
        Lane8.StorePairs(entries, keys0, w0, r0);
        Lane8.StorePairs(entries, keys1, w1, r1);
    }
}
