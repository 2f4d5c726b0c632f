namespace DistSgd.Learning.Models;

/// <summary>Losses of one example with score f and target y; for two classes z = y·f with y = ±1.</summary>
public enum LossKind
{
    /// <summary>½(f−y)².</summary>
    Squared,

    /// <summary>½r² for |r| ≤ δ, else δ(|r| − ½δ), with r = f−y.</summary>
    Huber,

    /// <summary>log(1 + e^(−z)).</summary>
    Logistic,

    /// <summary>max(0, 1−z).</summary>
    Hinge,

    /// <summary>max(0, 1−z)².</summary>
    SquaredHinge,

    /// <summary>0 for z ≥ 1, (1−z)² for 0 &lt; z &lt; 1, 1−2z for z ≤ 0.</summary>
    ModifiedHuber,

    /// <summary>max(0, 1−z)² for z ≥ −1, −4z below (Zhang 2004).</summary>
    ModifiedHuberZhang,

    /// <summary>e^(−z), continued by its tangent where −z is above a bound.</summary>
    Exponential,

    /// <summary>σ(−z); not convex.</summary>
    Sigmoid,
}
