namespace DistSgd.Learning.Models;

/// <summary>The learning problems with score f = w·x + b.</summary>
public enum ModelKind
{
    /// <summary>Regression on real targets, squared loss ½(f−y)².</summary>
    Linear,

    /// <summary>Binary classification, logistic loss log(1+e^(−y·f)).</summary>
    Logistic,

    /// <summary>Binary classification, hinge loss max(0, 1−y·f).</summary>
    Svm,
}
