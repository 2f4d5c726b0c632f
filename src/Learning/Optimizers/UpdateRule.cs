namespace DistSgd.Learning.Optimizers;

/// <summary>The update rules.</summary>
public enum OptimizerKind
{
    /// <summary>w ← w − ηg.</summary>
    Sgd,

    /// <summary>r ← r + g²; w ← w − ηg/(δ+√r). Duchi, Hazan &amp; Singer 2011, diagonal form.</summary>
    AdaGrad,
}

/// <summary>
/// What turns a gradient into a difference, and how the regulariser pulls. The regulariser is no part of g: it acts as the exact flow of
/// λ₁‖w‖₁ + λ₂/2‖w‖² in the rule's own metric (1 for SGD, δ+√r for AdaGrad) over the rates of the steps since it last acted, so that
/// every rule minimises the same objective and a key that no row touches can be aged when it is next read.
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

    /// <summary>δ of adaptive rules; positive.</summary>
    public float Delta { get; init; } = 1e-8f;

    /// <summary>Floats of optimizer state a key.</summary>
    public int Slots => Optimizer == OptimizerKind.AdaGrad ? 1 : 0;

    /// <summary>True if a regulariser acts.</summary>
    public bool IsRegularized => L1 > 0 || L2 > 0;
}
