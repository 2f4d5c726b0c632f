namespace DistSgd.Kernels.Tests;

public sealed class DenseTests : IDisposable
{
    private readonly NativeBuffer<float> _first = new(512);
    private readonly NativeBuffer<float> _second = new(512);
    private readonly NativeBuffer<float> _third = new(1024);

    [Fact]
    public void DenseDot_EveryFormAndLength_EqualsTheDocumentedTree() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(DenseTwins.Dot(x, y), DenseDot.Compute(form, a, b), what));

    [Fact]
    public void SumOfSquares_EveryLength_EqualsTheDocumentedTree() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(DenseTwins.Dot(x, x), SumOfSquares.Compute(a), what));

    [Fact]
    public void SumOfMagnitudes_EveryFormAndLength_EqualsTheDocumentedTree() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(DenseTwins.SumOfMagnitudes(x), SumOfMagnitudes.Compute(form, a), what));

    [Fact]
    public void MaxMagnitude_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(x.Select(MathF.Abs).DefaultIfEmpty(0f).Max(), MaxMagnitude.Compute(form, a), what));

    [Fact]
    public void Axpy_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Axpy.Apply(form, 0.37f, a, b);
        Samples.SameBits(x.Zip(y, (l, r) => MathF.FusedMultiplyAdd(0.37f, l, r)).ToArray(), b, what);
    });

    [Fact]
    public void TimeSince_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        TimeSince.Apply(form, 0.25f, b);
        Samples.SameBits(y.Select(v => 0.25f - v > 0 ? 0.25f - v : 0).ToArray(), b, what);
    });

    [Fact]
    public void Scale_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Scale.Apply(form, -1.7f, b);
        Samples.SameBits(y.Select(v => -1.7f * v).ToArray(), b, what);
    });

    [Fact]
    public void Add_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Add.Apply(form, a, b);
        Samples.SameBits(x.Zip(y, (l, r) => r + l).ToArray(), b, what);
    });

    [Fact]
    public void Multiply_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Multiply.Apply(form, a, b);
        Samples.SameBits(x.Zip(y, (l, r) => r * l).ToArray(), b, what);
    });

    [Fact]
    public void MultiplyAdd_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        var z = Samples.Wild(x.Length + 2000, x.Length);
        var c = Samples.Place(_third, x.Length % 3, z);
        MultiplyAdd.Apply(form, a, b, c);
        Samples.SameBits(x.Select((l, i) => MathF.FusedMultiplyAdd(l, y[i], z[i])).ToArray(), c, what);
    });

    [Fact]
    public void Activation_EveryFormAndLength_EqualsTheFormula() => ForEach((form, x, y, a, b, what) =>
    {
        foreach (var function in Enum.GetValues<ActivationFunction>())
        {
            var c = Samples.Place(_third, x.Length % 3, x);
            Activation.Apply(form, function, 0.3f, a, c);
            Samples.SameBits(x.Select(v => Value(function, v)).ToArray(), c, $"{function}, {what}");
            y.CopyTo(b);
            Activation.Backward(form, function, 0.3f, c, b);
            Samples.SameBits(x.Select((v, i) => Slope(function, Value(function, v), y[i])).ToArray(), b, $"{function} backward, {what}");
        }
    });

    private static float Value(ActivationFunction function, float z) => function switch
    {
        ActivationFunction.Sigmoid => ScalarMath.Sigmoid(z),
        ActivationFunction.Tanh => ScalarMath.Tanh(z),
        ActivationFunction.Relu => z > 0 ? z : 0f * z,
        ActivationFunction.LeakyRelu => z > 0 ? z : 0.3f * z,
        _ => z > 0 ? z : 0.3f * (ScalarMath.Exp(z) - 1f),
    };

    private static float Slope(ActivationFunction function, float a, float g) => function switch
    {
        ActivationFunction.Sigmoid => g * (a * (1f - a)),
        ActivationFunction.Tanh => g * ((1f - a) * (1f + a)),
        ActivationFunction.Relu => a > 0 ? g : 0f * g,
        ActivationFunction.LeakyRelu => a > 0 ? g : 0.3f * g,
        _ => a > 0 ? g : g * (a + 0.3f),
    };

    [Fact]
    public void ClipMagnitude_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        ClipMagnitude.Apply(form, 0.3f, b);
        Samples.SameBits(y.Select(v => Math.Clamp(v, -0.3f, 0.3f)).ToArray(), b, what);
    });

    [Fact]
    public void InterleavedPairs_EveryFormAndLength_AreTakenApartAndPutTogether() => ForEach((form, x, y, a, b, what) =>
    {
        float[] pairs = [.. x.Zip(y, (l, r) => (float[])[l, r]).SelectMany(pair => pair)];
        var joined = Samples.Place(_third, x.Length % 3, new float[pairs.Length]);
        InterleavedPairs.Join(form, a, b, joined);
        Samples.SameBits(pairs, joined, $"{what}, joined");
        a.Clear();
        b.Clear();
        InterleavedPairs.Split(form, joined, a, b);
        Samples.SameBits(x, a, $"{what}, first");
        Samples.SameBits(y, b, $"{what}, second");
    });

    [Fact]
    public void DelayCompensation_EveryFormAndLength_EqualsTheFormula() => ForEach((form, x, y, a, b, what) =>
    {
        float[] now = Samples.Wild(x.Length + 2000, x.Length), pairs = [.. x.Zip(y, (g, u) => (float[])[g, u]).SelectMany(pair => pair)];
        DelayCompensation.Apply(form, 0.7f, Samples.Place(_third, x.Length % 3, pairs), now, a);
        Samples.SameBits(x.Select((g, i) => MathF.FusedMultiplyAdd(0.7f * (g * g), now[i] - y[i], g)).ToArray(), a, what);
    });

    [Fact]
    public void Subtract_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        var c = Samples.Place(_third, x.Length % 3, new float[x.Length]);
        Subtract.Apply(form, a, b, c);
        Samples.SameBits(x.Zip(y, (l, r) => l - r).ToArray(), c, what);
    });

    [Fact]
    public void AllFinite_OneBadElementAnywhere_IsFound()
    {
        foreach (var form in Samples.Forms())
        {
            foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
            {
                for (var at = 0; at < 100; at++)
                {
                    var x = Samples.Wild(at, 100);
                    Assert.True(AllFinite.Check(form, x));
                    x[at] = bad;
                    Assert.False(AllFinite.Check(form, x), $"{form}, {bad} at {at}");
                }
            }
        }
    }

    [Fact]
    public void MaxMagnitude_WithNaN_IsNaN() => Assert.True(float.IsNaN(MaxMagnitude.Compute([1f, float.NaN, float.PositiveInfinity])));

    [Fact]
    public void PairedKernels_LengthsDiffer_Throw()
    {
        Assert.Throws<ArgumentException>(() => DenseDot.Compute(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => Axpy.Apply(1, new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => Add.Apply(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => Subtract.Apply(new float[3], new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => VectorExp.Apply(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => InterleavedPairs.Join(new float[3], new float[4], new float[7]));
        Assert.Throws<ArgumentException>(() => InterleavedPairs.Split(new float[7], new float[3], new float[3]));
        Assert.Throws<ArgumentException>(() => DelayCompensation.Apply(KernelForm.Portable, 1, new float[6], new float[4], new float[4]));
        Assert.Throws<ArgumentException>(() => DelayCompensation.Apply(KernelForm.Portable, 1, new float[6], new float[3], new float[4]));
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _third.Dispose();
    }

    private delegate void Check(KernelForm form, float[] x, float[] y, Span<float> placedX, Span<float> placedY, string what);

    private void ForEach(Check check)
    {
        foreach (var form in Samples.Forms())
        {
            foreach (var (length, offset) in Samples.Shapes())
            {
                var x = Samples.Wild(length, length);
                var y = Samples.Wild(length + 1000, length);
                check(form, x, y, Samples.Place(_first, offset, x), Samples.Place(_second, 3 - offset, y), $"{form}, length {length}, offset {offset}");
            }
        }
    }
}
