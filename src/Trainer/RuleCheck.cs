using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Trainer;

/// <summary>Refuses options that don't go with the update rule, or with its schedule.</summary>
internal static class RuleCheck
{
    /// <summary>Null, or one sentence that names both options and their values.</summary>
    public static string? Refusal(TrainingOptions options) => Constant(options) ?? Steps(options) ?? Schedule(options);

    private static string? Constant(TrainingOptions options)
    {
        RuleFacts facts = UpdateRules.Of(options.Rule).Facts;
        foreach ((RuleConstant constant, double? given) in Given(options))
        {
            if (given is null || facts.Usual(constant) is not null)
                continue;
            string others = string.Join(", ", UpdateRules.All.Where(rule => rule.Facts.Usual(constant) is not null).Select(rule => rule.Facts.Name));
            return $"--{KindName.Of(constant)} {given} has no effect on --optimizer {facts.Name}; leave it out, or use --optimizer {others}.";
        }
        return null;
    }

    private static string? Steps(TrainingOptions options)
    {
        RuleFacts facts = UpdateRules.Of(options.Rule).Facts;
        string additive = string.Join(" or ", UpdateRules.All.Where(rule => rule.Facts.IsAdditive).Select(rule => rule.Facts.Name));
        if (!facts.IsAdditive && options.LocalSteps > 0)
            return $"--local-steps {options.LocalSteps} adds up what workers did by themselves, and --optimizer {facts.Name} takes each mini-batch's gradient; leave --local-steps out, or use --optimizer {additive}.";
        if (!facts.IsAdditive && options.MaxNorm is { } radius)
            return $"--max-norm {radius} projects a worker's weights, and with --optimizer {facts.Name} workers push gradients; leave one out, or use --optimizer {additive}.";
        foreach ((string name, string does) in Gradients(options))
        {
            if (options.LocalSteps > 0)
                return $"{name} {does} the gradients that workers push, and with --local-steps {options.LocalSteps} they push differences; leave one out.";
            if (options.SnapshotEvery is { } every)
                return $"{name} {does} the gradients that workers push, and with --svrg {every} they push differences; leave one out.";
            if (options.MaxNorm is { } ball)
                return $"{name} {does} the gradients that workers push, and --max-norm {ball} projects a worker's weights; leave one out.";
        }
        return null;
    }

    private static string? Schedule(TrainingOptions options)
    {
        RuleFacts facts = UpdateRules.Of(options.Rule).Facts;
        if (facts.OwnsRegularizer && options.Schedule is { } falling and not ScheduleKind.Constant)
            return $"--schedule {KindName.Of(falling)} doesn't go with --optimizer {facts.Name}, whose rate falls by itself; leave it out.";
        if (facts.OwnsRegularizer && options.Warmup > 0)
            return $"--warmup {options.Warmup} doesn't go with --optimizer {facts.Name}, whose rate falls by itself; leave it out.";
        ScheduleKind schedule = ScheduleOf(options);
        if (options.Decay is { } decay && schedule is not (ScheduleKind.Inverse or ScheduleKind.InverseSqrt))
            return $"--decay {decay} has no effect on --schedule {KindName.Of(schedule)}; leave it out, or use --schedule inverse or inverse-sqrt.";
        if (options.DecayFactor is { } factor && schedule is not (ScheduleKind.Step or ScheduleKind.Exponential))
            return $"--decay-factor {factor} has no effect on --schedule {KindName.Of(schedule)}; leave it out, or use --schedule step or exponential.";
        if (options.DecaySteps is { } steps && schedule != ScheduleKind.Step)
            return $"--decay-steps {steps} has no effect on --schedule {KindName.Of(schedule)}; leave it out, or use --schedule step.";
        return null;
    }

    /// <summary>The schedule as given or usual.</summary>
    public static ScheduleKind ScheduleOf(TrainingOptions options) =>
        options.Schedule ?? (options.SnapshotEvery is not null ? ScheduleKind.Constant : UpdateRules.Of(options.Rule).Facts.UsualSchedule);

    /// <summary>True if workers push gradients, not differences of steps on their replicas.</summary>
    public static bool PushesGradients(TrainingOptions options) => !UpdateRules.Of(options.Rule).Facts.IsAdditive || Gradients(options).Any();

    // What acts on pushed gradients.
    private static IEnumerable<(string Name, string Does)> Gradients(TrainingOptions options)
    {
        if (options.ClipValue is { } value)
            yield return ($"--clip-value {value}", "bounds");
        if (options.ClipNorm is { } norm)
            yield return ($"--clip-norm {norm}", "bounds");
        if (options.DelayCompensation is { } strength)
            yield return ($"--delay-compensation {strength}", "corrects");
        if (options.StalenessAware)
            yield return ("--staleness-aware", "weighs");
    }

    private static (RuleConstant Constant, double? Given)[] Given(TrainingOptions options) =>
    [
        (RuleConstant.Momentum, options.Momentum), (RuleConstant.Rho, options.Rho), (RuleConstant.Rho2, options.Rho2),
        (RuleConstant.Delta, options.Delta), (RuleConstant.Beta, options.Beta),
    ];
}
