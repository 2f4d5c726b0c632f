using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Optimizers;

public sealed class ScheduleTests
{
    [Fact]
    public void Rate_AtKnownSteps_IsTheFormulas()
    {
        (ScheduleKind Kind, long Step, double Expected)[] points =
        [
            (ScheduleKind.Constant, 0, 0.8), (ScheduleKind.Constant, 1_000_000, 0.8),
            (ScheduleKind.Inverse, 0, 0.8), (ScheduleKind.Inverse, 10, 0.4), (ScheduleKind.Inverse, 30, 0.2),
            (ScheduleKind.InverseSqrt, 0, 0.8), (ScheduleKind.InverseSqrt, 30, 0.4), (ScheduleKind.InverseSqrt, 150, 0.2),
            (ScheduleKind.Cosine, 0, 0.8), (ScheduleKind.Cosine, 50, 0.4), (ScheduleKind.Cosine, 100, 0), (ScheduleKind.Cosine, 500, 0),
            (ScheduleKind.Linear, 0, 0.8), (ScheduleKind.Linear, 25, 0.6), (ScheduleKind.Linear, 100, 0), (ScheduleKind.Linear, 101, 0),
        ];
        foreach ((ScheduleKind kind, long step, double expected) in points)
            Assert.Equal(expected, new Schedule(kind, 0.8, Decay: 0.1, TotalSteps: 100).Rate(step), 1e-7);
    }

    [Fact]
    public void Rate_ByFactor_FallsInStepsOrAtEachStep()
    {
        var step = new Schedule(ScheduleKind.Step, 0.8) { Factor = 0.5, StepLength = 10 };
        Assert.Equal((float[])[0.8f, 0.8f, 0.4f, 0.1f], (float[])[.. ((long[])[0, 9, 10, 39]).Select(step.Rate)]);
        var exponential = new Schedule(ScheduleKind.Exponential, 0.8) { Factor = 0.9 };
        Assert.Equal(0.8 * 0.9 * 0.9 * 0.9, exponential.Rate(3), 1e-7);
        Assert.Equal(0f, exponential.Rate(long.MaxValue));
    }

    [Fact]
    public void Rate_WithWarmup_RisesInALineAndThenFollowsTheShape()
    {
        foreach (ScheduleKind kind in Enum.GetValues<ScheduleKind>())
        {
            var plain = new Schedule(kind, 0.8, Decay: 0.1, TotalSteps: 100) { Factor = 0.9, StepLength = 7 };
            Schedule warm = plain with { TotalSteps = 120, Warmup = 20 };
            for (int t = 0; t < 20; t++)
                Assert.Equal(0.8 * (t + 1) / 20, warm.Rate(t), 1e-7);
            for (int t = 0; t <= 130; t++)
                Assert.Equal(plain.Rate(t), warm.Rate(20 + t));
        }
    }

    [Fact]
    public void Rate_OverTheWholeJob_NeverRisesAndNeverFallsBelowZero()
    {
        foreach (ScheduleKind kind in Enum.GetValues<ScheduleKind>())
        {
            var schedule = new Schedule(kind, 0.3, Decay: 0.01, TotalSteps: 1000);
            float[] rates = [.. Enumerable.Range(0, 1200).Select(step => schedule.Rate(step))];
            Assert.All(rates.Zip(rates.Skip(1)), pair => Assert.True(pair.Second <= pair.First && pair.Second >= 0, $"{kind}: {pair}"));
        }
    }

    [Fact]
    public void Rate_AtTheLargestStep_IsFinite()
    {
        foreach (ScheduleKind kind in Enum.GetValues<ScheduleKind>())
            Assert.True(float.IsFinite(new Schedule(kind, 1e30, 1e30, 1).Rate(long.MaxValue)));
    }
}
