using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>
/// What is done with one sparse row and parameters of which each key has several side by side. Each parameter has its own sums in a fixed
/// order, so that vectors only compute several of them at once: every form gives the same bits. Where the last vector would reach beyond
/// a key, it is moved back and overlaps the one before; what overlaps is computed twice, from the same old values.
/// </summary>
internal static unsafe class WideRow
{
    /// <summary>
    /// sums[i] = Σ entries[key·width + i]·value for i &lt; width: four partial sums, non-zero n goes to the one with number n mod 4 by
    /// fma(w, x, p), and (p₀ + p₁) + (p₂ + p₃) is the result, as in <see cref="SparseDot"/>.
    /// </summary>
    public static void Dot(KernelForm form, uint* keys, float* values, int count, float* entries, int width, float* sums)
    {
        if (form == KernelForm.Avx512 && width >= Lane16.Width) DotIn<Lane16>(keys, values, count, entries, width, sums);
        else if (form != KernelForm.Portable && width >= Lane8.Width) DotIn<Lane8>(keys, values, count, entries, width, sums);
        else DotPortable(keys, values, count, entries, width, sums);
    }

    /// <summary>target[key·width + i] = fma(factors[i], value, target[key·width + i]) over the row, for i &lt; width.</summary>
    public static void Axpy(KernelForm form, float* factors, uint* keys, float* values, int count, float* target, int width)
    {
        if (form == KernelForm.Avx512 && width >= Lane16.Width) AxpyIn<Lane16>(factors, keys, values, count, target, width);
        else if (form != KernelForm.Portable && width >= Lane8.Width) AxpyIn<Lane8>(factors, keys, values, count, target, width);
        else AxpyPortable(factors, keys, values, count, target, width);
    }

    /// <summary>
    /// The AdaGrad step of one key's parameters with the gradients h_i = x·g_i: where h ≠ 0, r = fma(h, h, r); w = w − (rate·h)/(delta + √r).
    /// A parameter is a pair (w, r).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AdaGrad(KernelForm form, float rate, float delta, float* g, float x, float* entry, int width)
    {
        if (form == KernelForm.Portable || width < Lane8.Width)
        {
            for (var i = 0; i < width; i++)
            {
                var h = x * g[i];
                if (h != 0f) AdaGradEntry.Step(rate, delta, h, entry + 2 * i);
            }

            return;
        }

        var last = width - Lane8.Width;
        // The last group is computed first and stored last, since it may overlap the one before.
        var stored = Group(rate, delta, Lane8.Load(ref *g, last) * Lane8.All(x), entry + 2 * last, out var w, out var r);
        for (var i = 0; i < last; i += Lane8.Width)
        {
            if (Group(rate, delta, Lane8.Load(ref *g, i) * Lane8.All(x), entry + 2 * i, out var w0, out var r0)) StorePairs(entry + 2 * i, w0, r0);
        }

        if (stored) StorePairs(entry + 2 * last, w, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotIn<T>(uint* keys, float* values, int count, float* entries, int width, float* sums)
        where T : struct, ILane<T>
    {
        var at = 0;
        for (; width - at > T.Width; at += 2 * T.Width) DotTwo<T>(keys, values, count, entries, width, at, Math.Min(at + T.Width, width - T.Width), sums);
        if (at < width) DotOne<T>(keys, values, count, entries, width, width - T.Width, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotTwo<T>(uint* keys, float* values, int count, float* entries, nint width, int first, int second, float* sums)
        where T : struct, ILane<T>
    {
        T a0 = T.All(0f), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        var n = 0;
        for (; n <= count - 4; n += 4)
        {
            var x = T.All(values[n]);
            var entry = entries + keys[n] * width;
            a0 = T.Fma(T.Load(ref *entry, first), x, a0);
            b0 = T.Fma(T.Load(ref *entry, second), x, b0);
            x = T.All(values[n + 1]);
            entry = entries + keys[n + 1] * width;
            a1 = T.Fma(T.Load(ref *entry, first), x, a1);
            b1 = T.Fma(T.Load(ref *entry, second), x, b1);
            x = T.All(values[n + 2]);
            entry = entries + keys[n + 2] * width;
            a2 = T.Fma(T.Load(ref *entry, first), x, a2);
            b2 = T.Fma(T.Load(ref *entry, second), x, b2);
            x = T.All(values[n + 3]);
            entry = entries + keys[n + 3] * width;
            a3 = T.Fma(T.Load(ref *entry, first), x, a3);
            b3 = T.Fma(T.Load(ref *entry, second), x, b3);
        }

        if (n < count)
        {
            var entry = entries + keys[n] * width;
            a0 = T.Fma(T.Load(ref *entry, first), T.All(values[n]), a0);
            b0 = T.Fma(T.Load(ref *entry, second), T.All(values[n]), b0);
        }

        if (n + 1 < count)
        {
            var entry = entries + keys[n + 1] * width;
            a1 = T.Fma(T.Load(ref *entry, first), T.All(values[n + 1]), a1);
            b1 = T.Fma(T.Load(ref *entry, second), T.All(values[n + 1]), b1);
        }

        if (n + 2 < count)
        {
            var entry = entries + keys[n + 2] * width;
            a2 = T.Fma(T.Load(ref *entry, first), T.All(values[n + 2]), a2);
            b2 = T.Fma(T.Load(ref *entry, second), T.All(values[n + 2]), b2);
        }

        (a0 + a1 + (a2 + a3)).Store(ref *sums, first);
        (b0 + b1 + (b2 + b3)).Store(ref *sums, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotOne<T>(uint* keys, float* values, int count, float* entries, nint width, int first, float* sums)
        where T : struct, ILane<T>
    {
        T a0 = T.All(0f), a1 = a0, a2 = a0, a3 = a0;
        var n = 0;
        for (; n <= count - 4; n += 4)
        {
            a0 = T.Fma(T.Load(ref entries[keys[n] * width], first), T.All(values[n]), a0);
            a1 = T.Fma(T.Load(ref entries[keys[n + 1] * width], first), T.All(values[n + 1]), a1);
            a2 = T.Fma(T.Load(ref entries[keys[n + 2] * width], first), T.All(values[n + 2]), a2);
            a3 = T.Fma(T.Load(ref entries[keys[n + 3] * width], first), T.All(values[n + 3]), a3);
        }

        if (n < count) a0 = T.Fma(T.Load(ref entries[keys[n] * width], first), T.All(values[n]), a0);
        if (n + 1 < count) a1 = T.Fma(T.Load(ref entries[keys[n + 1] * width], first), T.All(values[n + 1]), a1);
        if (n + 2 < count) a2 = T.Fma(T.Load(ref entries[keys[n + 2] * width], first), T.All(values[n + 2]), a2);
        (a0 + a1 + (a2 + a3)).Store(ref *sums, first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotPortable(uint* keys, float* values, int count, float* entries, nint width, float* sums)
    {
        var partial = stackalloc float[4];
        for (var i = 0; i < width; i++)
        {
            for (var p = 0; p < 4; p++) partial[p] = 0f;
            for (var n = 0; n < count; n++) partial[n & 3] = MathF.FusedMultiplyAdd(entries[keys[n] * width + i], values[n], partial[n & 3]);
            sums[i] = partial[0] + partial[1] + (partial[2] + partial[3]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AxpyIn<T>(float* factors, uint* keys, float* values, int count, float* target, nint width)
        where T : struct, ILane<T>
    {
        var last = (int)width - T.Width;
        var tail = T.Load(ref *factors, last);
        for (var n = 0; n < count; n++)
        {
            var x = T.All(values[n]);
            ref float entry = ref target[keys[n] * width];
            var end = T.Fma(tail, x, T.Load(ref entry, last));
            for (var i = 0; i < last; i += T.Width) T.Fma(T.Load(ref *factors, i), x, T.Load(ref entry, i)).Store(ref entry, i);
            end.Store(ref entry, last);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AxpyPortable(float* factors, uint* keys, float* values, int count, float* target, nint width)
    {
        for (var n = 0; n < count; n++)
        {
            var entry = target + keys[n] * width;
            for (var i = 0; i < width; i++) entry[i] = MathF.FusedMultiplyAdd(factors[i], values[n], entry[i]);
        }
    }

    // False: all gradients are 0, and nothing is computed.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Group(float rate, float delta, Lane8 h, float* pairs, out Lane8 w, out Lane8 r)
    {
        var zero = Lane8.Equal(h, Lane8.All(0f));
        if (zero.AllSet)
        {
            (w, r) = (default, default);
            return false;
        }

        Lane8.LoadNeighbours(pairs, out w, out r);
        r = Lane8.Fma(h, h, r);
        w = Lane8.Select(zero, w, w - Lane8.All(rate) * h / (Lane8.All(delta) + Lane8.Sqrt(r)));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePairs(float* pairs, Lane8 w, Lane8 r) => Lane8.StoreNeighbours(pairs, w, r);
}
