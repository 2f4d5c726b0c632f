using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers;

/// <summary>An update rule's loops over parameters, chosen when the program runs. No state; any thread.</summary>
public abstract class RuleKernel
{
    /// <summary>Floats of state a parameter.</summary>
    public abstract int Slots { get; }

    /// <summary>True if the regulariser's time depends on a parameter's state.</summary>
    public abstract bool HasMetric { get; }

    /// <summary>True if parameters move without a gradient too.</summary>
    public abstract bool Drifts { get; }

    /// <summary>One step of each parameter, and what the regulariser does right after it.</summary>
    /// <param name="rule">The rule's constants.</param>
    /// <param name="at">Rate and count, and the regulariser's time.</param>
    /// <param name="gradient">One float a parameter.</param>
    /// <param name="planes">Values and state; changed.</param>
    public abstract void Step(UpdateRule rule, in StepAt at, ReadOnlySpan<float> gradient, RulePlanes planes);

    /// <summary>The regulariser of each parameter over its own sum of learning rates.</summary>
    /// <param name="rule">The rule's constants, λ₁ and λ₂.</param>
    /// <param name="at">The count.</param>
    /// <param name="elapsed">Sum of rates, one a parameter.</param>
    /// <param name="planes">Values and state; changed.</param>
    public abstract void Flow(UpdateRule rule, in StepAt at, ReadOnlySpan<float> elapsed, RulePlanes planes);

    /// <summary>The same for all parameters at once, for a rule without a metric of its own.</summary>
    /// <param name="rule">The rule's constants, λ₁ and λ₂.</param>
    /// <param name="elapsed">Sum of rates.</param>
    /// <param name="planes">Values and state; changed.</param>
    public abstract void FlowAlike(UpdateRule rule, float elapsed, RulePlanes planes);

    /// <summary>What the steps that each parameter missed come to.</summary>
    /// <param name="rule">The rule's constants.</param>
    /// <param name="missed">Number of steps, one a parameter.</param>
    /// <param name="planes">Values and state; changed.</param>
    public abstract void Drift(UpdateRule rule, ReadOnlySpan<float> missed, RulePlanes planes);

    /// <summary>The state that belongs to a value before the first step.</summary>
    /// <param name="rule">The rule's constants.</param>
    /// <param name="at">λ₁ and λ₂ of the parameter, and the rate.</param>
    /// <param name="value">The value.</param>
    /// <param name="slots">All 0; filled.</param>
    public abstract void Start(UpdateRule rule, in StepAt at, float value, Span<float> slots);
}

internal sealed class RuleKernel<TRule>(KernelForm form) : RuleKernel
    where TRule : struct, IServerRule<TRule>
{
    public override int Slots => TRule.Slots;

    public override bool HasMetric => TRule.HasMetric;

    public override bool Drifts => TRule.Drifts;

    public override void Step(UpdateRule rule, in StepAt at, ReadOnlySpan<float> gradient, RulePlanes planes)
    {
        if (at.Elapsed == 0)
            UpdateLoop.Step(form, TRule.At(rule, at), gradient, planes);
        else
            UpdateLoop.StepAndFlow(form, TRule.At(rule, at), (float)rule.L1, (float)rule.L2, at.Elapsed, gradient, planes);
    }

    public override void Flow(UpdateRule rule, in StepAt at, ReadOnlySpan<float> elapsed, RulePlanes planes) =>
        UpdateLoop.Flow(form, TRule.At(rule, at), (float)rule.L1, (float)rule.L2, elapsed, planes);

    public override void FlowAlike(UpdateRule rule, float elapsed, RulePlanes planes)
    {
        float time = UpdateLoop.Time(TRule.At(rule, new StepAt(0, 1)), elapsed);
        (float factor, float amount) = RegularizationFlow.Factors((float)rule.L1, (float)rule.L2, time);
        RegularizationFlow.Uniform(factor, amount, planes.Values);
        if (TRule.Drifts)
            Scale.Apply(factor, planes.First);
    }

    public override void Drift(UpdateRule rule, ReadOnlySpan<float> missed, RulePlanes planes) =>
        UpdateLoop.Drift(form, TRule.At(rule, new StepAt(0, 1)), missed, planes);

    public override void Start(UpdateRule rule, in StepAt at, float value, Span<float> slots) => TRule.Start(rule, at, value, slots);
}
