namespace DistSgd.Kernels.Tests;

/// <summary>
/// The element-by-element kernels on what random numbers never are: both zeros, subnormals, the ends of float32, infinities, NaN, each beside each, so
/// that it stands in vectors and in what is left over behind them. Two NaN are equal whatever their bits: which of two operands' a processor keeps is not promised.
/// </summary>
public sealed class SpecialValueTests
{
    private static readonly float[] Special =
    [
        0f, -0f, 1f, -1f, 0.5f, MathF.BitIncrement(1f), MathF.BitDecrement(1f), 3e9f, -3e9f, 1e-20f, -1e-20f,
        float.Epsilon, -float.Epsilon, MathF.BitDecrement(1.17549435e-38f), 1.17549435e-38f, -1.17549435e-38f,
        float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
        // Where exp over- and underflows, where it becomes subnormal, where log1p ends.
        88.7228394f, 88.72284f, -87.33654f, -103.972084f, -104.5f, MathF.BitIncrement(-1f),
    ];

    // Every special value beside every other: 729 pairs.
    private static readonly float[] X = [.. from x in Special from y in Special select x];
    private static readonly float[] Y = [.. from x in Special from y in Special select y];

    private delegate void Map1(KernelForm form, Span<float> x);

    private delegate void Map2(KernelForm form, ReadOnlySpan<float> x, Span<float> y);

    [Fact]
    public void Axpy_IsTheFusedLoop()
    {
        foreach (var a in Special) Check($"a {a}", (form, x, y) => Axpy.Apply(form, a, x, y), (x, y) => MathF.FusedMultiplyAdd(a, x, y));
    }

    [Fact]
    public void Add_IsTheLoop() => Check("add", Add.Apply, (x, y) => y + x);

    [Fact]
    public void Multiply_IsTheLoop() => Check("multiply", Multiply.Apply, (x, y) => y * x);

    [Fact]
    public void Subtract_IsTheLoop() => Check("subtract", (form, x, y) => Subtract.Apply(form, x, y, y), (x, y) => x - y);

    [Fact]
    public void MultiplyAdd_IsTheFusedLoop() => Check("multiply and add", (form, x, y) => MultiplyAdd.Apply(form, x, x, y), (x, y) => MathF.FusedMultiplyAdd(x, x, y));

    [Fact]
    public void Scale_IsTheLoop()
    {
        foreach (var a in Special) Check($"a {a}", (form, x) => Scale.Apply(form, a, x), x => a * x);
    }

    [Fact]
    public void ClipMagnitude_KeepsSignsAndNaN()
    {
        foreach (var limit in Special.Where(value => value > 0))
            Check($"limit {limit}", (form, x) => ClipMagnitude.Apply(form, limit, x), x => MathF.Abs(x) > limit ? MathF.CopySign(limit, x) : x);
    }

    [Fact]
    public void TimeSince_IsNeverBelowZero()
    {
        foreach (var now in new[] { 0f, 1f, 1e-20f, float.MaxValue }) Check($"now {now}", (form, x) => TimeSince.Apply(form, now, x), x => now - x > 0 ? now - x : 0f);
    }

    [Fact]
    public void RegularizationUniform_KeepsSignsAndStopsAtZero()
    {
        foreach (var (a, b) in new[] { (1f, 0f), (0.9f, 1e-3f), (0f, 0f), (0.5f, float.PositiveInfinity), (1e-20f, float.Epsilon) })
        {
            Check($"a {a}, b {b}", (form, x) => RegularizationFlow.Uniform(form, a, b, x), x => Shrink(x, a, b));
        }

        // A NaN stays one, without a sign of its own.
        static float Shrink(float w, float a, float b) => w == 0f ? w : MathF.FusedMultiplyAdd(MathF.Abs(w), a, -b) is var v && v < 0f ? MathF.CopySign(0f, w) : MathF.CopySign(v, w);
    }

    [Fact]
    public void DelayCompensation_IsTheFormula()
    {
        foreach (var strength in new[] { 0f, 0.5f, float.MaxValue })
        {
            foreach (var form in Samples.Forms())
            {
                float[] pairs = [.. X.Zip(Y, (g, u) => (float[])[g, u]).SelectMany(pair => pair)], values = [.. X.Reverse()], actual = new float[X.Length];
                DelayCompensation.Apply(form, strength, pairs, values, actual);
                for (var i = 0; i < X.Length; i++)
                    Same(MathF.FusedMultiplyAdd(strength * (X[i] * X[i]), values[i] - Y[i], X[i]), actual[i], $"{form}, strength {strength}, g {X[i]}, u {Y[i]}, w {values[i]}");
            }
        }
    }

    [Fact]
    public void Functions_HaveTheScalarBits()
    {
        Check("exp", (form, x) => VectorExp.Apply(form, x, x), ScalarMath.Exp);
        Check("log", (form, x) => VectorLog.Apply(form, x, x), ScalarMath.Log);
        Check("log1p", (form, x) => VectorLog1p.Apply(form, x, x), ScalarMath.Log1p);
        Check("sigmoid", (form, x) => VectorSigmoid.Apply(form, x, x), ScalarMath.Sigmoid);
        Check("tanh", (form, x) => VectorTanh.Apply(form, x, x), ScalarMath.Tanh);
    }

    [Fact]
    public void Activations_AreTheFormulas()
    {
        Check("relu", (form, x) => Activation.Apply(form, ActivationFunction.Relu, 0f, x, x), z => z > 0 ? z : 0f * z);
        Check("leaky relu", (form, x) => Activation.Apply(form, ActivationFunction.LeakyRelu, 0.3f, x, x), z => z > 0 ? z : 0.3f * z);
        Check("elu", (form, x) => Activation.Apply(form, ActivationFunction.Elu, 0.3f, x, x), z => z > 0 ? z : 0.3f * (ScalarMath.Exp(z) - 1f));
        Check("relu backward", (form, x, y) => Activation.Backward(form, ActivationFunction.Relu, 0f, x, y), (a, g) => a > 0 ? g : 0f * g);
        Check("elu backward", (form, x, y) => Activation.Backward(form, ActivationFunction.Elu, 0.3f, x, y), (a, g) => a > 0 ? g : g * (a + 0.3f));
        Check("sigmoid backward", (form, x, y) => Activation.Backward(form, ActivationFunction.Sigmoid, 0f, x, y), (a, g) => g * (a * (1f - a)));
        Check("tanh backward", (form, x, y) => Activation.Backward(form, ActivationFunction.Tanh, 0f, x, y), (a, g) => g * ((1f - a) * (1f + a)));
    }

    [Fact]
    public void Sums_WithEachSpecialValueAnywhere_AreTheDocumentedTrees()
    {
        foreach (var form in Samples.Forms())
        {
            foreach (var special in Special)
            {
                for (var at = 0; at < 150; at++)
                {
                    float[] x = Samples.Wild(at, 150), y = Samples.Wild(at + 1, 150);
                    x[at] = special;
                    var what = $"{form}, {special} at {at}";
                    Same(DenseTwins.Dot(x, y), DenseDot.Compute(form, x, y), what);
                    Same(DenseTwins.SumOfMagnitudes(x), SumOfMagnitudes.Compute(form, x), what);
                    Same(float.IsNaN(special) ? special : x.Max(MathF.Abs), MaxMagnitude.Compute(form, x), what);
                    Assert.Equal(float.IsFinite(special), AllFinite.Check(form, x));
                    Assert.Equal(float.IsFinite(special) ? 0 : 1, CountNonFinite.Compute(form, x));
                }
            }
        }
    }

    private static void Check(string what, Map1 kernel, Func<float, float> formula)
    {
        foreach (var form in Samples.Forms())
        {
            var actual = X.ToArray();
            kernel(form, actual);
            for (var i = 0; i < X.Length; i++) Same(formula(X[i]), actual[i], $"{form}, {what}, x {X[i]:R}");
        }
    }

    private static void Check(string what, Map2 kernel, Func<float, float, float> formula)
    {
        foreach (var form in Samples.Forms())
        {
            var actual = Y.ToArray();
            kernel(form, X, actual);
            for (var i = 0; i < X.Length; i++) Same(formula(X[i], Y[i]), actual[i], $"{form}, {what}, x {X[i]:R}, y {Y[i]:R}");
        }
    }

    private static void Same(float expected, float actual, string what)
    {
        if (!float.IsNaN(expected) || !float.IsNaN(actual)) Samples.SameBits(expected, actual, what);
    }
}
