namespace DistSgd.Kernels.Tests;

public sealed class UpdateTests : IDisposable
{
    private const float Rate = 0.1f;
    private const float Delta = 1e-3f;
    private readonly NativeBuffer<float> _first = new(1024);
    private readonly NativeBuffer<float> _second = new(1024);
    private readonly NativeBuffer<float> _third = new(1024);

    [Fact]
    public void SgdDense_EveryLength_EqualsTheLoop() => ForEach(1, (form, x, y, z, what) =>
    {
        var expected = x.Zip(y, (g, w) => MathF.FusedMultiplyAdd(-Rate, g, w)).ToArray();
        SgdUpdate.Dense(Rate, x, y);
        Samples.SameBits(expected, y, what);
    });

    [Fact]
    public void AdaGradDense_EveryFormAndLength_EqualsTheLoop() => ForEach(1, (form, x, y, z, what) =>
    {
        Absolute(z);
        var (weights, sums) = ((float[])y.Clone(), (float[])z.Clone());
        for (var i = 0; i < x.Length; i++)
        {
            sums[i] = MathF.FusedMultiplyAdd(x[i], x[i], sums[i]);
            weights[i] = weights[i] - (Rate * x[i]) / (Delta + MathF.Sqrt(sums[i]));
        }

        var placedWeights = Samples.Place(_second, x.Length % 3, y);
        var placedSums = Samples.Place(_third, x.Length % 2, z);
        AdaGradUpdate.Dense(form, Rate, Delta, Samples.Place(_first, 1, x), placedWeights, placedSums);
        Samples.SameBits(weights, placedWeights, what);
        Samples.SameBits(sums, placedSums, what);
    });

    [Fact]
    public void AdaGradSparse_EveryFormAndLength_EqualsTheLoop() => ForEach(6, (form, gradient, entries, _, what) =>
    {
        var keys = Keys(gradient.Length / 6);
        for (var i = 1; i < entries.Length; i += 2) entries[i] = MathF.Abs(entries[i]);
        var expected = (float[])entries.Clone();
        for (var i = 0; i < keys.Length; i++) RunTwins.Step(Rate, Delta, gradient[i], expected, (int)keys[i]);
        AdaGradUpdate.Sparse(form, Rate, Delta, keys, gradient.AsSpan(0, keys.Length), entries);
        Samples.SameBits(expected, entries, what);
    });

    [Fact]
    public void SgdSparse_EveryLength_EqualsTheLoop() => ForEach(3, (form, gradient, weights, _, what) =>
    {
        var keys = Keys(gradient.Length / 3);
        var expected = (float[])weights.Clone();
        SparseTwins.Axpy(-Rate, keys, gradient.AsSpan(0, keys.Length), expected);
        SgdUpdate.Sparse(Rate, keys, gradient.AsSpan(0, keys.Length), weights);
        Samples.SameBits(expected, weights, what);
    });

    [Fact]
    public void GatherAndScatterAdd_EveryStride_EqualTheLoop()
    {
        foreach (var stride in new[] { 1, 2, 3, 4, 26 })
        {
            for (var count = 0; count <= Samples.LengthMax; count++)
            {
                var keys = Keys(count);
                var entries = Samples.Wild(count, stride * (3 * count + 3));
                var packed = new float[stride * count];
                GatherEntries.Copy(entries, stride, keys, packed);
                var deltas = Samples.Wild(count + 1, stride * count);
                var sums = (float[])entries.Clone();
                ScatterAddEntries.Apply(keys, deltas, stride, entries);
                for (var i = 0; i < packed.Length; i++)
                {
                    var at = stride * (int)keys[i / stride] + i % stride;
                    Samples.SameBits(sums[at], packed[i], $"gather, stride {stride}, count {count}, element {i}");
                    sums[at] = sums[at] + deltas[i];
                }

                Samples.SameBits(sums, entries, $"scatter, stride {stride}, count {count}");
            }
        }
    }

    [Fact]
    public void GatherAndScatterAdd_StrideOrLengthWrong_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => GatherEntries.Copy(new float[8], 0, [0u], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => ScatterAddEntries.Apply([], [], 0, new float[8]));
        Assert.Throws<ArgumentException>(() => GatherEntries.Copy(new float[8], 2, [0u], new float[3]));
        Assert.Throws<ArgumentException>(() => ScatterAddEntries.Apply([0u], new float[3], 2, new float[8]));
    }

    [Fact]
    public void RegularizationUniform_EveryFormAndLength_EqualsTheLoop() => ForEach(1, (form, x, _, _, what) =>
    {
        foreach (var (a, b) in new[] { (0.9f, 0.05f), (1f, 0f), (0f, 0f), (0.5f, float.PositiveInfinity) })
        {
            var expected = Array.ConvertAll(x, w => Shrink(w, a, b));
            var weights = Samples.Place(_first, x.Length % 4, x);
            RegularizationFlow.Uniform(form, a, b, weights);
            Samples.SameBits(expected, weights, $"{what}, a {a}, b {b}");
        }
    });

    [Fact]
    public void RegularizationAdaptive_EveryFormAndLength_EqualsTheLoop() => ForEach(1, (form, x, y, _, what) =>
    {
        Absolute(y);
        foreach (var (l1, l2) in new[] { (0.01f, 0.02f), (0.01f, 0f), (0f, 0.3f), (0f, 0f) })
        {
            var expected = new float[x.Length];
            for (var i = 0; i < x.Length; i++) expected[i] = l1 == 0 && l2 == 0 ? x[i] : Adaptive(x[i], y[i], l1, l2);
            var weights = Samples.Place(_first, x.Length % 4, x);
            RegularizationFlow.Adaptive(form, Rate, l1, l2, Delta, weights, y);
            Samples.SameBits(expected, weights, $"{what}, l1 {l1}, l2 {l2}");
            var entries = new float[2 * x.Length];
            for (var i = 0; i < x.Length; i++) (entries[2 * i], entries[2 * i + 1]) = (x[i], y[i]);
            RegularizationFlow.AdaptiveInterleaved(form, Rate, l1, l2, Delta, entries);
            Samples.SameBits(expected, entries.Where((_, i) => i % 2 == 0).ToArray(), $"{what}, interleaved, l1 {l1}, l2 {l2}");
            Samples.SameBits(y, entries.Where((_, i) => i % 2 == 1).ToArray(), $"{what}, sums of squares, l1 {l1}, l2 {l2}");
        }
    });

    [Fact]
    public void RegularizationAdaptive_ZeroWeightAndZeroMetric_StaysZero()
    {
        foreach (var form in Samples.Forms())
        {
            var weights = new float[40];
            RegularizationFlow.Adaptive(form, 0f, 0.1f, 0.1f, 0f, weights, new float[40]);
            Samples.SameBits(new float[40], weights, form.ToString());
        }
    }

    [Fact]
    public void RegularizationFlow_InTwoParts_EqualsOneFlow()
    {
        float[] whole = [0.5f, -0.25f, 0.001f];
        float[] parts = [0.5f, -0.25f, 0.001f];
        float[] sums = [4f, 1f, 0.5f];
        RegularizationFlow.Adaptive(2f, 0.02f, 0.1f, Delta, whole, sums);
        RegularizationFlow.Adaptive(0.5f, 0.02f, 0.1f, Delta, parts, sums);
        RegularizationFlow.Adaptive(1.5f, 0.02f, 0.1f, Delta, parts, sums);
        for (var i = 0; i < 3; i++) Assert.InRange(parts[i], whole[i] - 1e-6f, whole[i] + 1e-6f);
        Assert.Equal(0f, whole[2]);
    }

    [Fact]
    public void CountNonFinite_EveryLength_CountsThem() => ForEach(1, (form, x, _, _, what) =>
    {
        for (var i = 0; i < x.Length; i += 5) x[i] = i % 2 == 0 ? float.NaN : float.NegativeInfinity;
        Assert.Equal((x.Length + 4) / 5, CountNonFinite.Compute(form, x));
    });

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _third.Dispose();
    }

    private static float Shrink(float w, float a, float b)
    {
        if (w == 0f) return w;
        var v = MathF.FusedMultiplyAdd(MathF.Abs(w), a, -b);
        return MathF.CopySign(v < 0f ? 0f : v, w);
    }

    private static float Adaptive(float w, float r, float l1, float l2)
    {
        var x = Rate / (Delta + MathF.Sqrt(r));
        var a = ScalarMath.Exp(-l2 * x);
        var y = l2 * x;
        var series = 1f / 120f;
        series = MathF.FusedMultiplyAdd(-1f / 720f, y, series);
        series = MathF.FusedMultiplyAdd(series, y, -1f / 24f);
        series = MathF.FusedMultiplyAdd(series, y, 1f / 6f);
        series = MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(series, y, -0.5f), y, 1f);
        return Shrink(w, a, y < 0.25f ? l1 * x * series : l1 / l2 * (1f - a));
    }

    private static void Absolute(float[] values)
    {
        for (var i = 0; i < values.Length; i++) values[i] = MathF.Abs(values[i]);
    }

    // Unique ascending keys below 3·count.
    private static uint[] Keys(int count) => [.. Enumerable.Range(0, count).Select(i => (uint)(3 * i + i % 3))];

    private static void ForEach(int scale, Action<KernelForm, float[], float[], float[], string> check)
    {
        foreach (var form in Samples.Forms())
        {
            for (var length = 0; length <= Samples.LengthMax; length++)
            {
                var n = scale * length;
                check(form, Samples.Wild(length, n), Samples.Wild(length + 500, n), Samples.Wild(length + 1000, n), $"{form}, length {length}");
            }
        }
    }
}
