namespace DistSgd.Learning.Optimizers;

/// <summary>The constants of update rules.</summary>
public enum RuleConstant
{
    /// <summary>δ, which keeps denominators from 0; positive.</summary>
    Delta,

    /// <summary>α, what a velocity keeps a step; in (0, 1).</summary>
    Momentum,

    /// <summary>ρ or ρ₁, what an average keeps a step; in (0, 1).</summary>
    Rho,

    /// <summary>ρ₂, what Adam's average of squares keeps a step; in (0, 1).</summary>
    Rho2,

    /// <summary>β of FTRL-Proximal; positive.</summary>
    Beta,
}

/// <summary>What is known of an update rule besides its formula in code: names, help, checks and tests are made of it.</summary>
/// <param name="Name">As people write it.</param>
/// <param name="Formula">As people read it, with θ ← θ + Δ.</param>
/// <param name="UsualRate">The learning rate that its authors, or most of its users, give it.</param>
public sealed record RuleFacts(string Name, string Formula, double UsualRate)
{
    /// <summary>Its constants with their usual values.</summary>
    public IReadOnlyList<(RuleConstant Constant, float Usual)> Constants { get; init; } = [];

    /// <summary>True if what many workers did to value and state can be added up, so that workers may step on replicas and push differences. Others take gradients, a mini-batch a push.</summary>
    public bool IsAdditive { get; init; }

    /// <summary>The shape of the learning rate where none is asked for.</summary>
    public ScheduleKind UsualSchedule { get; init; } = ScheduleKind.Linear;

    /// <summary>True if λ₁ and λ₂ are part of the rule, and no flow acts.</summary>
    public bool OwnsRegularizer { get; init; }

    /// <summary>A constant's usual value; null if the rule has no such constant.</summary>
    /// <param name="constant">Which.</param>
    public float? Usual(RuleConstant constant)
    {
        // By index: this runs at every push, and an enumerator would be allocated.
        for (int i = 0; i < Constants.Count; i++)
        {
            if (Constants[i].Constant == constant)
                return Constants[i].Usual;
        }
        return null;
    }
}
