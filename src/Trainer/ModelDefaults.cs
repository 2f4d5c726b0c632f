using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer;

/// <summary>What a model is trained with where options leave it open: its rule, where its parameters begin, how strong λ₂ is.</summary>
/// <param name="Options">The options, with the rule chosen.</param>
/// <param name="L2">λ₂.</param>
/// <param name="Start">Parameters to begin with, in the units of training, the biases last; null: as usual.</param>
internal sealed record ModelDefaults(TrainingOptions Options, double L2, LeastSquaresStart? Start)
{
    // Of losses whose slope grows beyond that of the hinge, and with it what they fit: the same λ₂ would hold them less.
    private const double SteepStrength = 4;

    // Real targets are often known well: what λ₂ takes from weights of rare features would be most of the error.
    private const double RegressionStrength = 0.1;

    // Where rows tell weights by themselves, λ₂ takes from directions in which features hardly differ, and has nothing to give.
    private const double ManyRowsStrength = 0.1;
    private const double StartedStrength = 1e-3;

    // Of all values.
    private const double DenseShare = 0.9;

    private static readonly LossKind[] SteepLosses = [LossKind.SquaredHinge, LossKind.ModifiedHuber, LossKind.ModifiedHuberZhang, LossKind.Exponential];

    /// <summary>Decides.</summary>
    public static ModelDefaults Of(Dataset data, TrainingOptions options, ModelSpec model, LabelMap labels, FeatureScaling? scaling, RowWeighting? weighting)
    {
        if (model.Network is not null)
            return new ModelDefaults(options, options.L2 ?? (options.C is { } ofNetwork ? 1 / (ofNetwork * data.RowCount) : NetworkOptions.Strength(model, data.RowCount)), null);
        bool isOpen = options is { Optimizer: null, LearningRate: null, Delta: null };
        bool isDense = scaling is not null && (double)scaling.DenseColumns.Length * data.RowCount >= DenseShare * data.NonZeroCount;
        bool hasManyRows = (isDense || model.IsRegression) && LeastSquaresStart.AreMany(data.RowCount, data, model.Outputs);
        double strength = SteepLosses.Contains(model.Loss) ? SteepStrength
            : model.IsRegression ? (isOpen && hasManyRows && model.Loss == LossKind.Squared ? StartedStrength : RegressionStrength)
            : hasManyRows && !model.IsRanking ? ManyRowsStrength
            : 1;
        double l2 = options.L2 ?? (options.C is { } c ? 1 / c : strength * (options.StrengthFactor ?? 1)) / data.RowCount;
        LeastSquaresStart? start = isOpen && model.Loss == LossKind.Squared && options is { Init: null, L1: 0, MaxNorm: null } && data.FeatureCount <= TrainingPlan.ScaledFeaturesMax
            ? LeastSquaresStart.Of(data, (int)Math.Max(1, data.FeatureCount), scaling, weighting, labels, l2)
            : null;
        // Steps as long as the slope is steep go along what is flat, too, and stay where the start is right; where columns are rare, AdaGrad's own rate for each is worth more.
        bool descends = start is not null || (isDense && model.Loss is LossKind.Logistic or LossKind.CrossEntropy or LossKind.Hinge);
        return new ModelDefaults(isOpen && options.Init is null && descends ? options with { Optimizer = OptimizerKind.Sgd } : options, l2, start);
    }
}
