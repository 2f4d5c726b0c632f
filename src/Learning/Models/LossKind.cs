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

    /// <summary>−f_y + log Σ e^f over the k scores of a row.</summary>
    CrossEntropy,

    /// <summary>Σ_{j≠y} max(0, f_j − f_y + 1).</summary>
    WestonWatkins,

    /// <summary>max(0, max_{j≠y}(f_j + Δ) − f_y).</summary>
    CrammerSinger,

    /// <summary>Structured hinge with the cost Δ for every wrong class.</summary>
    ZeroOne,

    /// <summary>Structured hinge on rows of several classes with the number of wrong ones as cost: k binary hinges.</summary>
    Hamming,

    /// <summary>Structured hinge with the distance of the classes in a tree as cost.</summary>
    Tree,

    /// <summary>max(0, 1 − (f_i − f_j)) for rows i above j of one query.</summary>
    PairwiseHinge,
}
