using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers;

/// <summary>When and how strongly a rule acts.</summary>
/// <param name="Rate">η_t.</param>
/// <param name="Count">Updates of the parameters so far with this one, for rules that count them a table at a time; at least 1.</param>
/// <param name="L1">λ₁, for rules that have it in themselves.</param>
/// <param name="L2">λ₂, for rules that have it in themselves.</param>
public readonly record struct StepAt(float Rate, long Count, float L1 = 0, float L2 = 0)
{
    /// <summary>For other rules: the sum of learning rates over which the regulariser acts right after the step, on all parameters alike; 0: it doesn't.</summary>
    public float Elapsed { get; init; }
}

/// <summary>An update rule as servers run it: its formula, and what is known of it. A new rule is one such type and one line in <see cref="UpdateRules"/>.</summary>
/// <typeparam name="TSelf">The rule itself.</typeparam>
internal interface IServerRule<TSelf> : IUpdateRule<TSelf>
    where TSelf : struct, IServerRule<TSelf>
{
    static abstract RuleFacts Facts { get; }

    /// <summary>The rule with its constants, at one push.</summary>
    static abstract TSelf At(UpdateRule rule, in StepAt at);

    /// <summary>The state that belongs to a value before the first step; all 0 for most rules.</summary>
    static virtual void Start(UpdateRule rule, in StepAt at, float value, Span<float> slots)
    {
        // Nothing to remember.
    }
}
