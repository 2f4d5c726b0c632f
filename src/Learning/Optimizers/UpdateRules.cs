using DistSgd.Kernels;
using DistSgd.Learning.Optimizers.Rules;

namespace DistSgd.Learning.Optimizers;

/// <summary>The register of update rules: names, state, constants, checks, help and the tests of every rule are read from here.</summary>
public static class UpdateRules
{
    private static readonly RuleForm[] Forms = In(KernelForms.Best);

    /// <summary>All rules.</summary>
    public static IReadOnlyList<RuleForm> All => Forms;

    /// <summary>What a rule is.</summary>
    /// <param name="kind">Which.</param>
    public static RuleForm Of(OptimizerKind kind) => Forms[(int)kind];

    /// <summary>
    /// All rules on an instruction set, in the order of their enumeration. Two types where one count serves a table that is always updated whole, and a
    /// slot a parameter any other.
    /// </summary>
    internal static RuleForm[] In(KernelForm form) =>
    [
        Of<SgdRule>(OptimizerKind.Sgd, form),
        Of<AdaGradRule>(OptimizerKind.AdaGrad, form),
        Of<MomentumRule>(OptimizerKind.Momentum, form),
        Of<NesterovRule>(OptimizerKind.Nesterov, form),
        Of<RmsPropRule>(OptimizerKind.RmsProp, form),
        Of<AdaDeltaRule>(OptimizerKind.AdaDelta, form),
        Of<AdaGradNesterovRule>(OptimizerKind.AdaGradNesterov, form),
        Of<RmsPropNesterovRule>(OptimizerKind.RmsPropNesterov, form),
        Of<AdamRule, AdamPerKeyRule>(OptimizerKind.Adam, form),
        Of<AdamWRule, AdamWPerKeyRule>(OptimizerKind.AdamW, form),
        Of<FtrlRule>(OptimizerKind.Ftrl, form),
    ];

    private static RuleForm Of<TRule>(OptimizerKind kind, KernelForm form)
        where TRule : struct, IServerRule<TRule>
    {
        var kernel = new RuleKernel<TRule>(form);
        return new RuleForm(kind, TRule.Facts, kernel, kernel);
    }

    private static RuleForm Of<TWhole, TPerKey>(OptimizerKind kind, KernelForm form)
        where TWhole : struct, IServerRule<TWhole>
        where TPerKey : struct, IServerRule<TPerKey> =>
        new(kind, TWhole.Facts, new RuleKernel<TWhole>(form), new RuleKernel<TPerKey>(form));
}

/// <summary>An update rule in the register.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Facts">What is known of it.</param>
/// <param name="Whole">Its loops where tables are always updated whole.</param>
/// <param name="PerKey">Its loops where keys are updated one by one.</param>
public sealed record RuleForm(OptimizerKind Kind, RuleFacts Facts, RuleKernel Whole, RuleKernel PerKey)
{
    /// <summary>The loops of a job.</summary>
    /// <param name="sparse">True if keys are exchanged as lists.</param>
    public RuleKernel Kernel(bool sparse) => sparse ? PerKey : Whole;
}
