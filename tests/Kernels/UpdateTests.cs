namespace DistSgd.Kernels.Tests;

public sealed class UpdateTests : IDisposable
{
    private readonly NativeBuffer<float> _first = new(1024);

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
    public void CountNonFinite_EveryLength_CountsThem() => ForEach(1, (form, x, _, _, what) =>
    {
        for (var i = 0; i < x.Length; i += 5) x[i] = i % 2 == 0 ? float.NaN : float.NegativeInfinity;
        Assert.Equal((x.Length + 4) / 5, CountNonFinite.Compute(form, x));
    });

    public void Dispose() => _first.Dispose();

    private static float Shrink(float w, float a, float b)
    {
        if (w == 0f) return w;
        var v = MathF.FusedMultiplyAdd(MathF.Abs(w), a, -b);
        return MathF.CopySign(v < 0f ? 0f : v, w);
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
