namespace DistSgd.Kernels.Tests;

/// <summary>The loops of update rules, with a rule that uses everything a rule may have; tests/Learning holds the real rules.</summary>
public sealed class RuleLoopTests : IDisposable
{
    private const float L1 = 0.01f;
    private const float L2 = 0.3f;

    private readonly NativeBuffer<float>[] _memory = [new(512), new(512), new(512), new(512), new(512)];

    private delegate void Loop(KernelForm form, ReadOnlySpan<float> input, RulePlanes planes);

    /// <summary>Changes one parameter, w and its slots.</summary>
    private delegate void Twin(float input, float[] parameter);

    [Fact]
    public void Step_EveryFormLengthAndStart_EqualsTheLoop() => ForEach((form, g, planes) => UpdateLoop.Step(form, default(Whole), g, planes), Step);

    [Fact]
    public void Drift_EveryFormLengthAndStart_EqualsTheLoop() => ForEach(
        (form, missed, planes) => UpdateLoop.Drift(form, default(Whole), missed, planes),
        (missed, p) => (p[0], p[1]) = (MathF.FusedMultiplyAdd(missed, p[1], p[0]), p[1] * 0.5f));

    [Fact]
    public void Flow_EveryFormLengthAndStart_EqualsTheLoop() =>
        ForEach((form, elapsed, planes) => UpdateLoop.Flow(form, default(Whole), L1, L2, elapsed, planes), Flow);

    [Fact]
    public void StepAndFlow_EveryFormLengthAndStart_EqualsTheLoops() => ForEach(
        (form, g, planes) => UpdateLoop.StepAndFlow(form, default(Whole), L1, L2, 0.25f, g, planes),
        (g, p) =>
        {
            Step(g, p);
            Flow(0.25f, p);
        });

    [Fact]
    public void Planes_LengthsDiffer_Throw()
    {
        Assert.Throws<ArgumentException>(() => UpdateLoop.Step(KernelForm.Portable, default(Whole), new float[3], new RulePlanes(new float[4], new float[4], new float[4], new float[4])));
        Assert.Throws<ArgumentException>(() => UpdateLoop.Step(KernelForm.Portable, default(Whole), new float[4], new RulePlanes(new float[4], new float[4], new float[3], new float[4])));
    }

    public void Dispose()
    {
        foreach (var buffer in _memory) buffer.Dispose();
    }

    private static void Step(float g, float[] p)
    {
        p[1] = p[1] * 0.5f - g;
        p[2] = MathF.FusedMultiplyAdd(g, g, p[2]);
        p[3] += 1f;
        p[0] += p[1] / MathF.Sqrt(p[2] + p[3]);
    }

    // |w|·e^(−λ₂x) less λ₁ (1 − e^(−λ₂x))/λ₂, which stops at 0, over the rule's own time x.
    private static void Flow(float elapsed, float[] p)
    {
        var (a, b) = RegularizationFlow.Factors(L1, L2, elapsed / (1f + p[2]));
        p[1] *= a;
        if (p[0] != 0f) p[0] = MathF.CopySign(MathF.Max(0f, MathF.FusedMultiplyAdd(MathF.Abs(p[0]), a, -b)), p[0]);
    }

    private void ForEach(Loop loop, Twin twin)
    {
        foreach (var form in Samples.Forms())
        {
            foreach (var (length, offset) in Samples.Shapes())
            {
                float[] input = [.. Samples.Wild(length, length).Select(MathF.Abs)], values = Samples.Wild(length + 1, length), velocities = Samples.Wild(length + 2, length);
                float[] sums = [.. Samples.Wild(length + 3, length).Select(MathF.Abs)], counts = [.. Enumerable.Range(0, length).Select(i => (float)(i % 4))];
                float[][] expected = [[.. values], [.. velocities], [.. sums], [.. counts]];
                for (var i = 0; i < length; i++)
                {
                    float[] parameter = [values[i], velocities[i], sums[i], counts[i]];
                    twin(input[i], parameter);
                    for (var plane = 0; plane < 4; plane++) expected[plane][i] = parameter[plane];
                }

                var planes = new RulePlanes(Place(0, values), Place(1, velocities), Place(2, sums), Place(3, counts));
                loop(form, Place(4, input), planes);
                for (var plane = 0; plane < 4; plane++) Samples.SameBits(expected[plane], planes[plane], $"{form}, length {length}, start {offset}, plane {plane}");

                Span<float> Place(int buffer, float[] numbers) => Samples.Place(_memory[buffer], (offset + buffer) % 4, numbers);
            }
        }
    }

    /// <summary>Three slots, a metric and a velocity.</summary>
    private readonly struct Whole : IUpdateRule<Whole>
    {
        public static int Slots => 3;

        public static bool HasMetric => true;

        public static bool Drifts => true;

        public static T Time<T>(in Whole rule, T elapsed, T first, T second, T third)
            where T : struct, ILane<T> => elapsed / (T.All(1f) + second);

        public static void Drift<T>(in Whole rule, T missed, ref T w, ref T velocity)
            where T : struct, ILane<T>
        {
            w = T.Fma(missed, velocity, w);
            velocity *= T.All(0.5f);
        }

        public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
            where T : struct, ILane<T>
        {
            first = first * T.All(0.5f) - g;
            second = T.Fma(g, g, second);
            third += T.All(1f);
            w += first / T.Sqrt(second + third);
        }
    }
}
