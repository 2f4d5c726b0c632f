namespace DistSgd.Learning.Models;

/// <summary>The learning problems.</summary>
public enum ModelKind
{
    /// <summary>Regression on real targets with f = w·x + b.</summary>
    Linear,

    /// <summary>Binary classification with the probability σ(w·x + b).</summary>
    Logistic,

    /// <summary>Binary classification by the sign of w·x + b, with a margin loss.</summary>
    Svm,
}
