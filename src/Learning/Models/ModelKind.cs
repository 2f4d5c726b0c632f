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

    /// <summary>Classification into k classes with the probabilities softmax(Wx + b).</summary>
    Softmax,

    /// <summary>Classification into k classes by the largest of the scores Wx + b, with a margin loss.</summary>
    MulticlassSvm,

    /// <summary>Classification by the best structure, with a margin that grows with what a mistake costs.</summary>
    StructuredSvm,

    /// <summary>Ranking of the rows of each query by w·x.</summary>
    SvmRank,

    /// <summary>A multi-layer perceptron: regression, two classes or several, by its loss.</summary>
    Mlp,
}
