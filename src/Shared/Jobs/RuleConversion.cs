using DistSgd.Learning.Optimizers;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Jobs;

/// <summary>Between <see cref="UpdateRule"/> and its message. What comes from the wire is checked.</summary>
internal static class RuleConversion
{
    /// <summary>As a message.</summary>
    /// <param name="rule">The rule.</param>
    public static V1.UpdateRule ToMessage(this UpdateRule rule) => new()
    {
        Optimizer = (V1.Optimizer)(rule.Optimizer + 1),
        Schedule = new V1.Schedule
        {
            Kind = (V1.ScheduleKind)(rule.Schedule.Kind + 1),
            Rate = rule.Schedule.InitialRate,
            Decay = rule.Schedule.Decay,
            TotalSteps = (ulong)rule.Schedule.TotalSteps,
            Factor = rule.Schedule.Factor,
            StepLength = (ulong)rule.Schedule.StepLength,
            Warmup = (ulong)rule.Schedule.Warmup,
        },
        L1 = rule.L1,
        L2 = rule.L2,
        Delta = rule.Delta,
        Momentum = rule.Momentum,
        Rho = rule.Rho,
        Rho2 = rule.Rho2,
        Beta = rule.Beta,
        DelayCompensation = rule.DelayCompensation,
        StalenessAware = rule.StalenessAware,
    };

    /// <summary>From a message.</summary>
    /// <param name="rule">The message, with a schedule.</param>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public static UpdateRule ToRule(V1.UpdateRule rule)
    {
        V1.Schedule schedule = rule.Schedule;
        JobConversion.Require(double.IsFinite(schedule.Rate) && schedule.Rate > 0, "rule.schedule.rate must be positive and finite");
        JobConversion.Require(double.IsFinite(schedule.Decay) && schedule.Decay >= 0, "rule.schedule.decay must not be negative");
        JobConversion.Require(double.IsFinite(rule.L1) && rule.L1 >= 0 && double.IsFinite(rule.L2) && rule.L2 >= 0, "rule.l1 and rule.l2 must not be negative");
        JobConversion.Require(float.IsFinite(rule.Delta) && rule.Delta >= 0 && float.IsFinite(rule.Beta) && rule.Beta >= 0, "rule.delta and rule.beta must not be negative");
        JobConversion.Require(rule.Momentum is >= 0 and < 1 && rule.Rho is >= 0 and < 1 && rule.Rho2 is >= 0 and < 1, "rule.momentum, rule.rho and rule.rho2 must be from 0 to below 1");
        JobConversion.Require(schedule.TotalSteps is > 0 and <= long.MaxValue, "rule.schedule.total_steps must be at least 1");
        JobConversion.Require(schedule.Factor is >= 0 and <= 1, "rule.schedule.factor must be from 0 to 1");
        JobConversion.Require(schedule.StepLength <= long.MaxValue && schedule.Warmup <= long.MaxValue, "rule.schedule.step_length and warmup must be below 2^63");
        JobConversion.Require(float.IsFinite(rule.DelayCompensation) && rule.DelayCompensation >= 0, "rule.delay_compensation must not be negative");
        return new UpdateRule
        {
            Optimizer = JobConversion.Known<OptimizerKind>((int)rule.Optimizer - 1, "rule.optimizer"),
            Schedule = new Schedule(JobConversion.Known<ScheduleKind>((int)schedule.Kind - 1, "rule.schedule.kind"), schedule.Rate, schedule.Decay, (long)schedule.TotalSteps)
            {
                Factor = schedule.Factor == 0 ? 1 : schedule.Factor,
                StepLength = (long)Math.Max(1, schedule.StepLength),
                Warmup = (long)schedule.Warmup,
            },
            L1 = rule.L1,
            L2 = rule.L2,
            Delta = rule.Delta,
            Momentum = rule.Momentum,
            Rho = rule.Rho,
            Rho2 = rule.Rho2,
            Beta = rule.Beta,
            DelayCompensation = rule.DelayCompensation,
            StalenessAware = rule.StalenessAware,
        };
    }
}
