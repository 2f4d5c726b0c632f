namespace DistSgd.Learning.Optimizers;

/// <summary>
/// What turns a gradient into a difference, and how the regulariser pulls. The regulariser is no part of g: it acts as the exact flow of
/// λ₁‖w‖₁ + λ₂/2‖w‖² in the rule's own metric (1 for SGD, δ+√r for AdaGrad, 1−α for momentum) over the rates of the steps since it last acted, so that
/// every rule minimises the same objective and a key that no row touches can be aged when it is next read. Two rules differ: AdamW's metric is 1, and
/// FTRL-Proximal has λ₁ and λ₂ in its own closed form. Immutable; any thread.
/// </summary>
public sealed record UpdateRule
{
    /// <summary>Which rule.</summary>
    public required OptimizerKind Optimizer { get; init; }

    /// <summary>The learning rate over the job's steps.</summary>
    public required Schedule Schedule { get; init; }

    /// <summary>λ₁ ≥ 0.</summary>
    public double L1 { get; init; }

    /// <summary>λ₂ ≥ 0.</summary>
    public double L2 { get; init; }

    /// <summary>δ of adaptive rules, positive; 0: the rule's usual one, as for the constants below.</summary>
    public float Delta { get; init; }

    /// <summary>α of rules with a velocity, in (0, 1).</summary>
    public float Momentum { get; init; }

    /// <summary>ρ, Adam's ρ₁: what averages of gradients or squares keep a step, in (0, 1).</summary>
    public float Rho { get; init; }

    /// <summary>Adam's ρ₂, in (0, 1).</summary>
    public float Rho2 { get; init; }

    /// <summary>FTRL-Proximal's β, positive.</summary>
    public float Beta { get; init; }

    /// <summary>λ of delay compensation, which adds λ g⊙g⊙(θ_now − θ_at_pull) to a pushed gradient (Zheng et al. 2017); 0: none.</summary>
    public float DelayCompensation { get; init; }

    /// <summary>True: a gradient that s other pushes overtook is applied at the rate η_t/(1+s).</summary>
    public bool StalenessAware { get; init; }

    /// <summary>What the rule is.</summary>
    public RuleForm Form => UpdateRules.Of(Optimizer);

    /// <summary>True if a regulariser acts.</summary>
    public bool IsRegularized => L1 > 0 || L2 > 0;

    /// <summary>A constant: as given, or the rule's usual one; 0 if the rule has no such constant.</summary>
    /// <param name="constant">Which.</param>
    public float this[RuleConstant constant]
    {
        get
        {
            float given = constant switch
            {
                RuleConstant.Delta => Delta,
                RuleConstant.Momentum => Momentum,
                RuleConstant.Rho => Rho,
                RuleConstant.Rho2 => Rho2,
                _ => Beta,
            };
            return given != 0 ? given : Form.Facts.Usual(constant) ?? 0;
        }
    }
}
