namespace DistSgd.Kernels.Tests;

public sealed class MathTests
{
    // A stride that is prime to 2^32 walks evenly over signs, exponents and mantissas: about a million arguments.
    private const uint Stride = 4099;

    private delegate void Vector(KernelForm form, ReadOnlySpan<float> x, Span<float> result);

    [Fact]
    public void Exp_OverAllFloats_IsWithinTwoUlp() => WithinUlp(ScalarMath.Exp, Math.Exp, 2.0);

    [Fact]
    public void Log_OverAllFloats_IsWithinTwoUlp() => WithinUlp(ScalarMath.Log, Math.Log, 2.0);

    [Fact]
    public void Log1p_OverAllFloats_IsWithinTwoUlp() => WithinUlp(ScalarMath.Log1p, UlpError.Log1p, 2.0);

    [Fact]
    public void Sigmoid_OverAllFloats_IsWithinThreeUlp() => WithinUlp(ScalarMath.Sigmoid, UlpError.Sigmoid, 3.0);

    [Fact]
    public void Tanh_OverAllFloats_IsWithinThreeUlp() => WithinUlp(ScalarMath.Tanh, Math.Tanh, 3.0);

    [Fact]
    public void Decay_OfAnyTime_IsWithin3e7OfTheExponential_AndTheSameInEveryWidth()
    {
        for (var y = 0f; y < 200f; y = y * 1.003f + 1e-9f)
        {
            var decay = VectorMath.Decay(new Lane1(y)).Value;
            Assert.InRange(decay, y < 87f ? Math.Exp(-y) * (1 - 3e-7) : 0, Math.Exp(-y) * (1 + 3e-7));
            if (KernelForms.IsSupported(KernelForm.Avx2)) SameLanes<Lane8>(y, decay);
            if (KernelForms.IsSupported(KernelForm.Avx512)) SameLanes<Lane16>(y, decay);
        }

        Assert.Equal(0f, VectorMath.Decay(new Lane1(float.PositiveInfinity)).Value);

        static void SameLanes<T>(float y, float expected)
            where T : struct, ILane<T>
        {
            // Beside it a short time, and one that is not.
            foreach (var beside in new[] { y, 0f, 1f })
            {
                var lanes = new float[T.Width];
                Array.Fill(lanes, beside);
                lanes[1] = y;
                VectorMath.Decay(T.Load(ref lanes[0], 0)).Store(ref lanes[0], 0);
                Samples.SameBits(expected, lanes[1], $"e^-{y} beside e^-{beside}");
            }
        }
    }

    [Fact]
    public void VectorForms_OverAllFloats_HaveTheScalarBits()
    {
        var x = new float[(int)(uint.MaxValue / Stride)];
        for (uint i = 0; i < x.Length; i++) x[i] = BitConverter.UInt32BitsToSingle(i * Stride);
        var actual = new float[x.Length];
        foreach (var (name, scalar, vector) in Functions())
        {
            var expected = Array.ConvertAll(x, v => scalar(v));
            foreach (var form in Samples.Forms())
            {
                vector(form, x, actual);
                Samples.SameBits(expected, actual, $"{name}, {form}");
            }
        }
    }

    [Fact]
    public void VectorForms_EveryLengthAndStart_HaveTheScalarBits()
    {
        using NativeBuffer<float> from = new(512), to = new(512);
        foreach (var (name, scalar, vector) in Functions())
        {
            foreach (var form in Samples.Forms())
            {
                foreach (var (length, offset) in Samples.Shapes())
                {
                    var x = Samples.Place(from, offset, Samples.Wild(length, length));
                    var result = Samples.Place(to, 3 - offset, [.. x, 123f]);
                    vector(form, x, result[..length]);
                    for (var i = 0; i < length; i++) Samples.SameBits(scalar(x[i]), result[i], $"{name}, {form}, length {length}, start {offset}, element {i}");
                    Assert.Equal(123f, result[length]);
                }
            }
        }
    }

    [Fact]
    public void OneMinusExp_OfAnyTime_IsWithin3e7OfTheTruth_AndTheSameInEveryWidth()
    {
        for (var y = 0f; y < 200f; y = y * 1.003f + 1e-9f)
        {
            var expected = VectorMath.OneMinusExp(y);
            // (e^(−y) − 1)·(−y)/ln e^(−y): what is lost in e^(−y) is lost in its logarithm too (Kahan).
            var truth = Math.Exp(-y) is var power && power == 1 ? y : power == 0 ? 1 : (power - 1) * y / Math.Log(power);
            Assert.InRange(expected, truth * (1 - 3e-7), truth * (1 + 3e-7));
            if (KernelForms.IsSupported(KernelForm.Avx2)) Samples.SameBits(expected, VectorMath.OneMinusExp(Lane8.All(y)).Value[0], $"1 - e^-{y}");
            if (KernelForms.IsSupported(KernelForm.Avx512)) Samples.SameBits(expected, VectorMath.OneMinusExp(Lane16.All(y)).Value[0], $"1 - e^-{y}");
        }
    }

    [Fact]
    public void SpecialArguments_GiveTheDocumentedValues()
    {
        Samples.SameBits(0f, ScalarMath.Exp(float.NegativeInfinity), "exp(-inf)");
        Samples.SameBits(float.PositiveInfinity, ScalarMath.Exp(float.PositiveInfinity), "exp(inf)");
        Samples.SameBits(float.PositiveInfinity, ScalarMath.Exp(88.7228394f), "exp above the largest");
        Samples.SameBits(0f, ScalarMath.Exp(-103.972084f), "exp below the smallest");
        Samples.SameBits(1f, ScalarMath.Exp(-0f), "exp(-0)");
        Samples.SameBits(float.NegativeInfinity, ScalarMath.Log(-0f), "log(-0)");
        Samples.SameBits(0f, ScalarMath.Log(1f), "log(1)");
        Samples.SameBits(float.PositiveInfinity, ScalarMath.Log(float.PositiveInfinity), "log(inf)");
        Samples.SameBits(float.NaN, ScalarMath.Log(-1f), "log(-1)");
        Samples.SameBits(-0f, ScalarMath.Log1p(-0f), "log1p(-0)");
        Samples.SameBits(float.NegativeInfinity, ScalarMath.Log1p(-1f), "log1p(-1)");
        Samples.SameBits(float.NaN, ScalarMath.Log1p(-2f), "log1p(-2)");
        Samples.SameBits(float.PositiveInfinity, ScalarMath.Log1p(float.PositiveInfinity), "log1p(inf)");
        Samples.SameBits(0.5f, ScalarMath.Sigmoid(0f), "sigmoid(0)");
        Samples.SameBits(0f, ScalarMath.Sigmoid(float.NegativeInfinity), "sigmoid(-inf)");
        Samples.SameBits(1f, ScalarMath.Sigmoid(float.PositiveInfinity), "sigmoid(inf)");
        Samples.SameBits(-1f, ScalarMath.Tanh(float.NegativeInfinity), "tanh(-inf)");
    }

    private static void WithinUlp(Func<float, float> ours, Func<double, double> truth, double bound)
    {
        for (ulong bits = 0; bits <= uint.MaxValue; bits += Stride)
        {
            var x = BitConverter.UInt32BitsToSingle((uint)bits);
            var error = UlpError.Of(ours(x), truth(x));
            if (!(error <= bound)) Assert.Fail($"at {x:R} (0x{(uint)bits:X8}): got {ours(x):R}, true value {truth(x):R}, error {error:F2} ulp, bound {bound}");
        }
    }

    private static IEnumerable<(string Name, Func<float, float> Scalar, Vector Vector)> Functions() =>
    [
        ("exp", ScalarMath.Exp, VectorExp.Apply),
        ("log", ScalarMath.Log, VectorLog.Apply),
        ("log1p", ScalarMath.Log1p, VectorLog1p.Apply),
        ("sigmoid", ScalarMath.Sigmoid, VectorSigmoid.Apply),
        ("tanh", ScalarMath.Tanh, VectorTanh.Apply),
    ];
}
