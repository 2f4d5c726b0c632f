using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Tests.Optimizers;

namespace DistSgd.Learning.Tests.WorkedExamples;

/// <summary>J = (100 (x−a)² + (y−b)²)/2 from (1, 1), the minimum at 0 and moved to (4, 4) at step 1,000; each rule at the rate that reaches it soonest.</summary>
public sealed class OptimizerExampleTests
{
    private const double Tolerance = 0.01;
    private const int MovedAt = 1_000;
    private const int StepsMax = 2_000;

    [Fact]
    public void HalvingASquare_DescendsAs2TimesHalfToTheT()
    {
        // J(z) = z², z₀ = 2, η = 0.25.
        var rule = new UpdateRule { Optimizer = OptimizerKind.Sgd, Schedule = new Schedule(ScheduleKind.Constant, 0.25) };
        var z = new OneParameter(rule, rule.Form.Whole, 2f);
        for (int t = 1; t <= 20; t++)
            Assert.Equal(2f * MathF.Pow(0.5f, t), z.Step(0.25f, 2f * z.Value));
    }

    [Fact]
    public void SteepAndFlat_MomentumReachesTheToleranceInFewerStepsThanPlainDescent()
    {
        int plain = Best(OptimizerKind.Sgd).Reached;
        Assert.True(Best(OptimizerKind.Momentum).Reached < plain / 2);
        Assert.True(Best(OptimizerKind.Nesterov).Reached < plain / 2);
    }

    [Fact]
    public void SteepAndFlat_AdaGradsFirstStepIsEqualInBothDirections()
    {
        var rule = new UpdateRule { Optimizer = OptimizerKind.AdaGrad, Schedule = new Schedule(ScheduleKind.Constant, 0.1) };
        float steep = new OneParameter(rule, rule.Form.Whole, 1f).Step(0.1f, 100f), flat = new OneParameter(rule, rule.Form.Whole, 1f).Step(0.1f, 1f);
        Assert.Equal(steep, flat, 1e-6f);
        Assert.Equal(0.9f, flat, 1e-6f);
    }

    [Fact]
    public void MinimumMovedAtStep1000_RmsPropRecoversInFewerStepsThanAdaGrad()
    {
        int rmsProp = Best(OptimizerKind.RmsProp).Recovered, adaGrad = Best(OptimizerKind.AdaGrad).Recovered;
        Assert.True(rmsProp < adaGrad, $"RMSProp after {rmsProp} steps, AdaGrad after {adaGrad}");
        Assert.True(adaGrad < StepsMax);
    }

    // The rate that reaches the first minimum soonest, among rates a tenth apart.
    private static (int Reached, int Recovered) Best(OptimizerKind optimizer) =>
        Enumerable.Range(0, 120).Select(i => Run(optimizer, 1e-4f * MathF.Pow(1.1f, i))).MinBy(run => run.Reached);

    private static (int Reached, int Recovered) Run(OptimizerKind optimizer, float rate)
    {
        var rule = new UpdateRule { Optimizer = optimizer, Schedule = new Schedule(ScheduleKind.Constant, rate) };
        OneParameter x = new(rule, rule.Form.Whole, 1f), y = new(rule, rule.Form.Whole, 1f);
        int reached = StepsMax, recovered = StepsMax;
        for (int t = 1; t <= MovedAt + StepsMax && recovered == StepsMax; t++)
        {
            float minimum = t > MovedAt ? 4f : 0f;
            x.Step(rate, 100f * (x.Value - minimum));
            y.Step(rate, y.Value - minimum);
            if (!(Math.Max(Math.Abs(x.Value - minimum), Math.Abs(y.Value - minimum)) <= Tolerance))
                continue;
            if (t > MovedAt)
                recovered = t - MovedAt;
            else
                reached = Math.Min(reached, t);
        }
        return (reached, recovered);
    }
}
