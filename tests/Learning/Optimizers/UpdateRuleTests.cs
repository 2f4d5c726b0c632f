using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Optimizers;

/// <summary>Each update rule by itself: hand-computed steps, the textbook's recursion in float64, the bits of every instruction set.</summary>
public sealed class UpdateRuleTests
{
    private const int LengthMax = 256;

    [Fact]
    public void EveryRule_TwoStepsFromOne_AreTheHandComputedOnes()
    {
        // w = 1; g = 0.5, then −0.25; η = 0.1, δ = 0.001 (β = 1 of FTRL), α = 0.5, ρ = ρ₁ = 0.5, ρ₂ = 0.75.
        // Momentum: v = −0.05, w = 0.95; v = 0, w = 0.95. Nesterov: v = −0.05, w = 0.925; v = 0, w = 0.95. The others by the same formulas in decimal.
        (OptimizerKind Kind, double First, double Second)[] expected =
        [
            (OptimizerKind.Sgd, 0.95, 0.975),
            (OptimizerKind.Momentum, 0.95, 0.95),
            (OptimizerKind.Nesterov, 0.925, 0.95),
            (OptimizerKind.AdaGrad, 1 - 0.05 / 0.501, 1 - 0.05 / 0.501 + 0.025 / (0.001 + Math.Sqrt(0.3125))),
            (OptimizerKind.RmsProp, 1 - 0.05 / (Math.Sqrt(0.125) + 0.001), 1 - 0.05 / (Math.Sqrt(0.125) + 0.001) + 0.025 / (Math.Sqrt(0.09375) + 0.001)),
            // a = 0.125: d = 0.1·√0.001/√0.126·0.5 = 0.00445435; b = 9.9206e−6; a = 0.09375: d = −0.1·√0.0010099206/√0.09475·0.25 = −0.00258103.
            (OptimizerKind.AdaDelta, 0.99554565, 0.99812668),
            // s = 0.0998004, v = −s, w = 1 + 0.5·v − s; r = 0.3125: s = −0.0446415, v = 0.5·v − s = −0.0052587, w += 0.5·v − s.
            (OptimizerKind.AdaGradNesterov, 1 - 1.5 * 0.0998004, 1 - 1.5 * 0.0998004 - 0.5 * 0.0052587 + 0.0446415),
            // s = 0.141022, r = 0.09375: s = −0.0813838, v = −0.070511 + 0.0813838 = 0.0108728.
            (OptimizerKind.RmsPropNesterov, 1 - 1.5 * 0.1410224, 1 - 1.5 * 0.1410224 + 0.5 * 0.0108726 + 0.0813838),
            // ŝ = 0.5, r̂ = 0.25; then s = 0, so that nothing moves.
            (OptimizerKind.Adam, 1 - 0.05 / 0.501, 1 - 0.05 / 0.501),
            (OptimizerKind.AdamW, 1 - 0.05 / 0.501, 1 - 0.05 / 0.501),
            // w = 1 belongs to z = −10. σ = 5: z = −10 + 0.5 − 5 = −14.5, n = 0.25, w = 14.5/15. σ = (√0.3125 − 0.5)·10 = 0.5901699:
            // z = −14.5 − 0.25 − 0.5704976 = −15.3204976, w = 15.3204976/15.5901699.
            (OptimizerKind.Ftrl, 14.5 / 15, 15.3204976 / 15.5901699),
        ];
        Assert.Equal(UpdateRules.All.Select(form => form.Kind).Order(), expected.Select(one => one.Kind).Order());
        foreach ((OptimizerKind kind, double first, double second) in expected)
        {
            var rule = new UpdateRule { Optimizer = kind, Schedule = new Schedule(ScheduleKind.Constant, 0.1), Momentum = 0.5f, Rho = 0.5f, Rho2 = 0.75f, Delta = 1e-3f };
            foreach (RuleKernel kernel in Kernels(rule))
            {
                var one = new OneParameter(rule, kernel, 1);
                Assert.Equal(first, one.Step(0.1f, 0.5f), 2e-6);
                Assert.Equal(second, one.Step(0.1f, -0.25f), 2e-6);
            }
        }
    }

    [Fact]
    public void Adam_ThousandRandomGradients_EqualsTheTextbookInFloat64()
    {
        foreach (OptimizerKind kind in (OptimizerKind[])[OptimizerKind.Adam, OptimizerKind.AdamW])
        {
            var rule = new UpdateRule { Optimizer = kind, Schedule = new Schedule(ScheduleKind.Constant, 0.001) };
            foreach (RuleKernel kernel in Kernels(rule))
            {
                var random = new Random(1);
                var one = new OneParameter(rule, kernel, 0.3f);
                double w = 0.3f, s = 0, r = 0;
                for (int t = 1; t <= 1000; t++)
                {
                    double g = (float)(random.NextDouble() - 0.3);
                    s = 0.9 * s + 0.1 * g;
                    r = 0.999 * r + 0.001 * g * g;
                    w -= 0.001 * (s / (1 - Math.Pow(0.9, t))) / (Math.Sqrt(r / (1 - Math.Pow(0.999, t))) + 1e-8);
                    Assert.Equal(w, one.Step(0.001f, (float)g), 2e-6 + 1e-7 * t);
                }
            }
        }
    }

    [Fact]
    public void AdamW_WithDecay_EqualsTheTextbookInFloat64()
    {
        // θ ← θ − η (ŝ/(√r̂+δ) + λθ).
        const double Rate = 0.001, Decay = 0.1;
        var rule = new UpdateRule { Optimizer = OptimizerKind.AdamW, Schedule = new Schedule(ScheduleKind.Constant, Rate), L2 = Decay };
        var random = new Random(2);
        var one = new OneParameter(rule, rule.Form.Whole, 2f);
        double w = 2, s = 0, r = 0;
        for (int t = 1; t <= 1000; t++)
        {
            double g = (float)(random.NextDouble() - 0.5);
            s = 0.9 * s + 0.1 * g;
            r = 0.999 * r + 0.001 * g * g;
            w -= Rate * ((s / (1 - Math.Pow(0.9, t))) / (Math.Sqrt(r / (1 - Math.Pow(0.999, t))) + 1e-8) + Decay * w);
            one.Step((float)Rate, (float)g);
            Assert.Equal(w, one.Flow((float)Rate), 1e-5 + 1e-7 * t);
        }
    }

    [Fact]
    public void Nesterov_OnAQuadratic_EqualsTheTextbookWhoseGradientIsTakenAtTheLookAhead()
    {
        // J = (100 x² + y²)/2. Textbook: v ← αv − η∇J(θ + αv), θ ← θ + v; what is kept here is θ + αv.
        const double Rate = 0.005, Momentum = 0.9;
        var rule = new UpdateRule { Optimizer = OptimizerKind.Nesterov, Schedule = new Schedule(ScheduleKind.Constant, Rate) };
        foreach (double curvature in (double[])[100, 1])
        {
            var one = new OneParameter(rule, rule.Form.Whole, 1f);
            double theta = 1, v = 0;
            for (int t = 0; t < 200; t++)
            {
                v = Momentum * v - Rate * curvature * (theta + Momentum * v);
                theta += v;
                Assert.Equal(theta + Momentum * v, one.Step((float)Rate, (float)curvature * one.Value), 1e-5);
            }
        }
    }

    [Fact]
    public void EveryRule_EveryInstructionSetAndLength_GivesTheSameBits()
    {
        RuleForm[] portable = UpdateRules.In(KernelForm.Portable);
        foreach (KernelForm form in Enum.GetValues<KernelForm>().Where(KernelForms.IsSupported))
        {
            foreach (RuleForm fast in UpdateRules.In(form))
            {
                foreach (bool sparse in (bool[])[false, true])
                {
                    for (int length = 0; length <= LengthMax; length++)
                        Assert.Equal(Run(portable[(int)fast.Kind].Kernel(sparse), fast.Kind, length), Run(fast.Kernel(sparse), fast.Kind, length));
                }
            }
        }
    }

    [Fact]
    public void CountATable_AndCountAParameter_GiveTheSameBitsWhereEveryPushHoldsEveryParameter()
    {
        foreach (RuleForm form in UpdateRules.All)
        {
            var rule = new UpdateRule { Optimizer = form.Kind, Schedule = new Schedule(ScheduleKind.Constant, 0.1) };
            var random = new Random(3);
            OneParameter whole = new(rule, form.Whole, 0.7f), perKey = new(rule, form.PerKey, 0.7f);
            for (int t = 1; t <= 300; t++)
            {
                float g = random.NextSingle() - 0.4f;
                Assert.Equal(whole.Step(0.1f, g), perKey.Step(0.1f, g));
            }
        }
    }

    [Fact]
    public void Drift_OfManySteps_IsThatManyStepsWithoutAGradient()
    {
        foreach (RuleForm form in UpdateRules.All)
        {
            foreach (int missed in (int[])[0, 1, 2, 7, 60, 1000])
            {
                var rule = new UpdateRule { Optimizer = form.Kind, Schedule = new Schedule(ScheduleKind.Constant, 0.1) };
                OneParameter stepped = new(rule, form.Whole, 1f), drifted = new(rule, form.Whole, 1f);
                stepped.Step(0.1f, 0.5f);
                drifted.Step(0.1f, 0.5f);
                for (int t = 0; t < missed && form.Whole.Drifts; t++)
                    stepped.Step(0.1f, 0f);
                Assert.Equal(stepped.Value, drifted.Drift(missed), 1e-6);
            }
        }
    }

    [Fact]
    public void Ftrl_L1BeyondTheSumOfGradients_IsExactlyZero_AndLambda2Shrinks()
    {
        var rule = new UpdateRule { Optimizer = OptimizerKind.Ftrl, Schedule = new Schedule(ScheduleKind.Constant, 0.1), L1 = 1, L2 = 2 };
        var one = new OneParameter(rule, rule.Form.Whole, 0);
        Assert.Equal(0f, one.Step(0.1f, 0.75f));
        // z = 1.5, n = 1.125: −(1.5 − 1)/((1 + √1.125)/0.1 + 2).
        Assert.Equal(-0.5 / ((1 + Math.Sqrt(1.125)) / 0.1 + 2), one.Step(0.1f, 0.75f), 1e-7);
        Assert.Equal(0f, one.Step(0.1f, -0.75f));
    }

    [Fact]
    public void Start_OfEveryRule_LeavesTheValueWhereItIsWhileNoGradientComes()
    {
        foreach (RuleForm form in UpdateRules.All)
        {
            var rule = new UpdateRule { Optimizer = form.Kind, Schedule = new Schedule(ScheduleKind.Constant, 0.1), L1 = 0.01, L2 = 0.5 };
            foreach (float value in (float[])[0f, 0.3f, -2f])
                Assert.Equal(value, new OneParameter(rule, form.Whole, value).Step(0.1f, 0f), 1e-6f);
        }
    }

    [Fact]
    public void Register_HoldsEveryRuleOnceInTheOrderOfItsEnumeration_WithANameFormulaAndConstants()
    {
        Assert.Equal(Enum.GetValues<OptimizerKind>(), UpdateRules.All.Select(form => form.Kind));
        Assert.Equal(UpdateRules.All.Count, UpdateRules.All.Select(form => form.Facts.Name).Distinct(StringComparer.Ordinal).Count());
        foreach (RuleForm form in UpdateRules.All)
        {
            Assert.Contains("Δ|θ".Split('|'), symbol => form.Facts.Formula.Contains(symbol, StringComparison.Ordinal));
            Assert.InRange(form.PerKey.Slots - form.Whole.Slots, 0, 1);
            Assert.True(form.Facts.UsualRate > 0);
            Assert.All(form.Facts.Constants, constant => Assert.True(constant.Usual > 0));
        }
    }

    [Fact]
    public void StepWithTime_EqualsAStepAndThenTheFlow_BitForBit_OfEveryRuleInEveryForm()
    {
        foreach (KernelForm form in Enum.GetValues<KernelForm>().Where(KernelForms.IsSupported))
        {
            foreach (RuleForm own in UpdateRules.In(form).Where(own => !own.Facts.OwnsRegularizer))
            {
                foreach ((double l1, double l2) in ((double, double)[])[(0, 0.02), (0.01, 0), (0.01, 30)])
                {
                    var rule = new UpdateRule { Optimizer = own.Kind, Schedule = new Schedule(ScheduleKind.Constant, 0.1), L1 = l1, L2 = l2 };
                    foreach (RuleKernel kernel in (RuleKernel[])[own.Whole, own.PerKey])
                    {
                        var at = new StepAt(0.1f, 3);
                        float[] once = Stepped(57, planes => kernel.Step(rule, at with { Elapsed = 0.1f }, Draw(58, 57, -0.5f), planes));
                        float[] twice = Stepped(57, planes =>
                        {
                            kernel.Step(rule, at, Draw(58, 57, -0.5f), planes);
                            kernel.Flow(rule, at, [.. Enumerable.Repeat(0.1f, 57)], planes);
                        });
                        Assert.Equal(twice.Select(BitConverter.SingleToInt32Bits), once.Select(BitConverter.SingleToInt32Bits));
                    }
                }
            }
        }
    }

    [Fact]
    public void State_ThatFades_NeverBecomesSubnormal_OfAnyRule()
    {
        // ρ₂ = 0.999 takes 62,000 steps to 1e-30, and 87,000 to the smallest normal number.
        const int Steps = 90_000;
        foreach (RuleForm form in UpdateRules.All)
        {
            var rule = new UpdateRule { Optimizer = form.Kind, Schedule = new Schedule(ScheduleKind.Constant, 0.01) };
            var one = new OneParameter(rule, form.Whole, 0.5f);
            one.Step(0.01f, 1f);
            for (int step = 0; step < Steps; step++)
            {
                one.Step(0.01f, 0f);
                Assert.DoesNotContain(one.Slots, float.IsSubnormal);
            }
        }
    }

    private delegate void PlanesAction(RulePlanes planes);

    private static float[] Stepped(int length, PlanesAction action)
    {
        float[][] planes = [Draw(1, length, -0.5f), Draw(2, length, 0f), Draw(3, length, 0f), Draw(4, length, 0f)];
        action(new RulePlanes(planes[0], planes[1], planes[2], planes[3]));
        return [.. planes.SelectMany(plane => plane)];
    }

    private static float[] Draw(int seed, int length, float least)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => least + random.NextSingle())];
    }

    private static IEnumerable<RuleKernel> Kernels(UpdateRule rule) => [rule.Form.Whole, rule.Form.PerKey];

    private static float[] Run(RuleKernel kernel, OptimizerKind kind, int length)
    {
        var rule = new UpdateRule { Optimizer = kind, Schedule = new Schedule(ScheduleKind.Constant, 0.1), L1 = 0.001, L2 = 0.02 };
        var random = new Random(length);
        float[] Draw(float least) => [.. Enumerable.Range(0, length).Select(_ => least + random.NextSingle())];
        float[][] planes = [Draw(-0.5f), Draw(kernel.Drifts ? -0.5f : 0f), Draw(0f), [.. Enumerable.Range(0, length).Select(i => (float)(i % 4))]];
        var all = new RulePlanes(planes[0], planes[1], planes[2], planes[3]);
        kernel.Drift(rule, [.. Enumerable.Range(0, length).Select(i => (float)(i % 5))], all);
        kernel.Step(rule, new StepAt(0.1f, 3, 0.2f, 0.3f), Draw(-0.5f), all);
        kernel.Flow(rule, new StepAt(0, 3), Draw(0f), all);
        if (!kernel.HasMetric)
            kernel.FlowAlike(rule, 0.3f, all);
        return [.. planes.SelectMany(plane => plane)];
    }
}
