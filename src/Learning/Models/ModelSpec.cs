using DistSgd.Learning.Batches;
using DistSgd.Learning.Mlp;

namespace DistSgd.Learning.Models;

/// <summary>
/// What is learned: the model, its loss and the loss's constants. Together with the number of features it determines the parameters
/// (<see cref="Layout"/>). Immutable; any thread.
/// </summary>
public sealed record ModelSpec
{
    /// <summary>Most scores a row.</summary>
    public const int OutputsMax = 16_384;

    /// <summary>The learning problem.</summary>
    public required ModelKind Kind { get; init; }

    /// <summary>The loss that is minimised; one of <see cref="LossesOf"/>.</summary>
    public required LossKind Loss { get; init; }

    /// <summary>Scores a row, k; 1 but for models of several classes.</summary>
    public int Outputs { get; init; } = 1;

    /// <summary>δ of the Huber loss; positive.</summary>
    public float HuberDelta { get; init; } = 1;

    /// <summary>Δ of the Crammer–Singer and 0/1 losses; positive.</summary>
    public float Margin { get; init; } = 1;

    /// <summary>What mistakes cost, k by k, for the tree loss; else none.</summary>
    public CostMatrix Costs { get; init; } = CostMatrix.None;

    /// <summary>The hidden layers of an MLP; null for other models.</summary>
    public MlpSpec? Network { get; init; }

    /// <summary>The whole network of an MLP: the hidden layers with as many outputs as the loss takes.</summary>
    /// <exception cref="InvalidOperationException">This is no MLP.</exception>
    public MlpShape Shape => new((Network ?? throw new InvalidOperationException($"{this} has no layers.")) with { Outputs = Outputs, Head = Head });

    /// <summary>Floats a key: what belongs to one feature.</summary>
    public int Width => Network is { Layers.Count: > 0 } network ? network.Layers[0] * network.Pieces : Outputs;

    /// <summary>True if rows have one score each and the loss is a function of that score and the label.</summary>
    public bool HasScalarLoss => Kind is ModelKind.Linear or ModelKind.Logistic or ModelKind.Svm;

    /// <summary>True if rows have k scores, one a class.</summary>
    public bool HasClassScores => Kind is ModelKind.Softmax or ModelKind.MulticlassSvm or ModelKind.StructuredSvm || (Kind == ModelKind.Mlp && Loss is LossKind.CrossEntropy or LossKind.WestonWatkins);

    /// <summary>True if a row belongs to exactly one of k classes.</summary>
    public bool IsMulticlass => HasClassScores && Loss != LossKind.Hamming;

    /// <summary>True if a row may belong to several of k classes.</summary>
    public bool IsMultiLabel => Loss == LossKind.Hamming;

    /// <summary>True if rows are ranked within queries.</summary>
    public bool IsRanking => Kind == ModelKind.SvmRank;

    /// <summary>What rows are to learn.</summary>
    public TargetKind Targets => IsMultiLabel ? TargetKind.ClassSet : IsRanking ? TargetKind.Rank : TargetKind.Label;

    /// <summary>True if targets are two classes.</summary>
    public bool IsBinary => Kind is ModelKind.Logistic or ModelKind.Svm || (Kind == ModelKind.Mlp && Loss == LossKind.Logistic);

    /// <summary>True if targets are real numbers.</summary>
    public bool IsRegression => Kind == ModelKind.Linear || (Kind == ModelKind.Mlp && Loss == LossKind.Squared);

    /// <summary>A model with its usual loss.</summary>
    /// <param name="kind">The model.</param>
    public static implicit operator ModelSpec(ModelKind kind) => Of(kind);

    /// <summary>A model with a loss.</summary>
    /// <param name="kind">The model.</param>
    /// <param name="loss">Null: the model's usual loss.</param>
    /// <param name="outputs">Scores a row.</param>
    /// <exception cref="ArgumentException">The model isn't learned with that loss; the message lists those it is.</exception>
    public static ModelSpec Of(ModelKind kind, LossKind? loss = null, int outputs = 1)
    {
        IReadOnlyList<LossKind> losses = LossesOf(kind);
        if (loss is { } asked && !losses.Contains(asked))
            throw new ArgumentException($"The model {KindName.Of(kind)} isn't learned with the loss {KindName.Of(asked)}; expected one of {string.Join(", ", losses.Select(known => KindName.Of(known)))}.");
        return new ModelSpec { Kind = kind, Loss = loss ?? losses[0], Outputs = outputs, Network = kind == ModelKind.Mlp ? new MlpSpec() : null };
    }

    /// <summary>The losses of a model, the usual one first.</summary>
    /// <param name="kind">The model.</param>
    public static IReadOnlyList<LossKind> LossesOf(ModelKind kind) => kind switch
    {
        ModelKind.Linear => [LossKind.Squared, LossKind.Huber],
        ModelKind.Logistic => [LossKind.Logistic],
        ModelKind.Svm => [LossKind.Hinge, LossKind.SquaredHinge, LossKind.ModifiedHuber, LossKind.ModifiedHuberZhang, LossKind.Exponential, LossKind.Sigmoid],
        ModelKind.Softmax => [LossKind.CrossEntropy],
        ModelKind.MulticlassSvm => [LossKind.CrammerSinger, LossKind.WestonWatkins],
        ModelKind.StructuredSvm => [LossKind.ZeroOne, LossKind.Hamming, LossKind.Tree],
        ModelKind.SvmRank => [LossKind.PairwiseHinge],
        ModelKind.Mlp => [LossKind.CrossEntropy, LossKind.WestonWatkins, LossKind.Logistic, LossKind.Squared],
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown model."),
    };

    /// <summary>The parameters of this model on data with so many features.</summary>
    /// <param name="features">D ≥ 1.</param>
    public ParameterLayout Layout(long features) => Network is not null ? Shape.Layout(features) : new(Outputs,
    [
        new LayoutTable("weights", 0, features, Outputs == 1 ? [features] : [features, Outputs], Regularized: true),
        new LayoutTable("bias", features, 1, [Outputs], Regularized: false),
    ]);

    private MlpHead Head => Loss switch
    {
        LossKind.CrossEntropy => MlpHead.Softmax,
        LossKind.WestonWatkins => MlpHead.Hinge,
        LossKind.Logistic => MlpHead.Logistic,
        _ => MlpHead.Squared,
    };

    /// <summary>"svm", or "svm squared-hinge" where the loss isn't the usual one; for people.</summary>
    public override string ToString() => Network is { } network ? $"mlp {KindName.Of(Loss)} {network}" : Loss == LossesOf(Kind)[0] ? KindName.Of(Kind) : $"{KindName.Of(Kind)} {KindName.Of(Loss)}";
}
