using System.Runtime.CompilerServices;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Preprocessing;

/// <summary>
/// The default learning rate in closed form, from the rows' norms after scaling. With a schedule that ends at 0 the loss is flat over more
/// than a decade around it, so that no search is needed.
/// </summary>
/// <param name="NormSquare">q: mean ‖x'‖² + 1 (the bias).</param>
/// <param name="NormSquareMax">Largest ‖x'‖² + 1 of the rows looked at.</param>
/// <param name="Magnitude">a: mean ‖x'‖₁.</param>
/// <param name="TargetDeviation">Standard deviation of the targets.</param>
/// <param name="TargetMean">Mean of the targets.</param>
public sealed record RateDefaults(double NormSquare, double NormSquareMax, double Magnitude, double TargetDeviation, double TargetMean)
{
    private const double RarestClass = 1e-3;

    /// <summary>The share of each class among the rows looked at; empty without classes.</summary>
    public IReadOnlyList<double> ClassShares { get; init; } = [];

    /// <summary>What the largest |x'| of a row stays below in all but a hundredth of the rows.</summary>
    public double Reach { get; init; } = 1;

    /// <summary>The part of all features that a row holds, from 0 to 1.</summary>
    public double Density { get; init; } = 1;

    // What an adaptive rule's first step may add to a row's score: by all features together, by one alone.
    private const double AdaptiveMagnitude = 20;
    private const double AdaptiveReach = 2;
    private const double AdaDeltaOfTargets = 3e-7;
    private const double BiasShareMin = 1.0 / 16;
    private const double VelocityShare = 0.1;

    /// <summary>Looks at evenly spaced rows.</summary>
    /// <param name="data">At least one row.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="scaling">Null: none.</param>
    /// <param name="weighting">What rows count in the targets' figures; null: 1 each.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static RateDefaults Of(Dataset data, LabelMap labels, FeatureScaling? scaling, RowWeighting? weighting = null)
    {
        long stride = Math.Max(1, data.RowCount / ColumnStatistics.SampleRowsMax);
        double squares = 0, magnitudes = 0, largest = 0, targets = 0, targetSquares = 0, counts = 0;
        var reaches = new List<float>();
        long rows = 0, nonZeros = 0;
        var shares = new double[labels.Classes.Count];
        var transform = new RowTransform(scaling);
        for (long row = 0; row < data.RowCount; row += stride)
        {
            SparseRow x = data.Row(row);
            transform.Apply(x.Indices, x.Values);
            double square = 0;
            float reach = 0;
            foreach (float value in transform.Values)
            {
                square += (double)value * value;
                magnitudes += Math.Abs(value);
                reach = Math.Max(reach, Math.Abs(value));
            }
            reaches.Add(reach);
            nonZeros += transform.Values.Length;
            squares += square;
            largest = Math.Max(largest, square);
            double target = data.HasLabelSets ? 0 : labels.ToLearning(x.Label, row);
            double counted = weighting?.Of(data, labels, row) ?? 1;
            if (shares.Length > 0 && !data.HasLabelSets)
                shares[(int)target] += counted;
            targets += counted * target;
            targetSquares += counted * target * target;
            counts += counted;
            rows++;
        }
        double mean = targets / counts;
        return new RateDefaults(squares / rows + 1, largest + 1, magnitudes / rows, Math.Sqrt(Math.Max(0, targetSquares / counts - mean * mean)), mean)
        {
            ClassShares = [.. shares.Select(count => count / counts)],
            Reach = Quantile(reaches, 0.99),
            Density = Math.Min(1, (double)nonZeros / rows / Math.Max(1, data.FeatureCount)),
        };
    }

    /// <summary>The same with the largest norm of all rows, where a single heavy row, were it not looked at, could throw off what is settled.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="scaling">Null: none.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public RateDefaults WithLargest(Dataset data, FeatureScaling? scaling)
    {
        double largest = 0;
        var transform = new RowTransform(scaling);
        for (long row = 0; row < data.RowCount; row++)
        {
            SparseRow x = data.Row(row);
            transform.Apply(x.Indices, x.Values);
            double square = 0;
            foreach (float value in transform.Values)
                square += (double)value * value;
            largest = Math.Max(largest, square);
        }
        return this with { NormSquareMax = largest + 1 };
    }

    /// <summary>η₀ for a model and rule.</summary>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">The rule.</param>
    public double Rate(ModelSpec model, OptimizerKind optimizer)
    {
        if (model.Kind == ModelKind.Mlp)
            return NetworkRate(optimizer);
        // An adaptive step is as long as its rate, whatever the gradient: it is measured by what weights come to.
        double size = Math.Min(Math.Min(1, AdaptiveMagnitude / (1 + Magnitude)), AdaptiveReach / Math.Max(1, Reach)) * (model.IsRegression ? Math.Max(TargetDeviation, 1e-6) : 1);
        return optimizer switch
        {
            // A velocity multiplies a step by 1/(1−α); the mean of a mini-batch bears as much more than a single row does.
            OptimizerKind.Sgd or OptimizerKind.Momentum or OptimizerKind.Nesterov => Descent(model),
            // First steps that overshoot by all of a row's features are thrown back with slopes as large; AdaGrad never forgets their squares, which then hold back the later steps and the decay.
            OptimizerKind.AdaGrad => HasGrowingSlopes(model.Loss) ? size / 2 : size,
            OptimizerKind.Ftrl => size,
            OptimizerKind.AdaGradNesterov => size * VelocityShare,
            OptimizerKind.RmsProp => size * 0.01,
            OptimizerKind.RmsPropNesterov => size * 0.01 * VelocityShare,
            OptimizerKind.Adam => size * 0.02,
            // Its decay is not in the metric of its steps: what these come to, it hardly holds back.
            OptimizerKind.AdamW => size * 0.002,
            _ => UpdateRules.Of(optimizer).Facts.UsualRate,
        };
    }

    // Layers, columns and targets are scaled to be alike, so that the usual rates do; Adam's is doubled, as the usual schedule falls from it to 0.
    private static double NetworkRate(OptimizerKind optimizer) => optimizer switch
    {
        OptimizerKind.Sgd => 0.1,
        OptimizerKind.Momentum or OptimizerKind.Nesterov or OptimizerKind.AdaGrad => 0.03,
        OptimizerKind.AdaGradNesterov => 0.003,
        OptimizerKind.Adam or OptimizerKind.AdamW or OptimizerKind.RmsProp => 0.002,
        OptimizerKind.RmsPropNesterov => 0.0002,
        _ => UpdateRules.Of(optimizer).Facts.UsualRate,
    };

    private double Descent(ModelSpec model) =>
        model.Kind switch
        {
            ModelKind.Logistic or ModelKind.Softmax => 1 / NormSquare,
            // Slopes that grow by 2 for each unit of the margin, where others are bounded by 1.
            ModelKind.Svm when HasGrowingSlopes(model.Loss) && model.Loss != LossKind.Exponential => 0.25 / NormSquare,
            ModelKind.Svm or ModelKind.MulticlassSvm or ModelKind.StructuredSvm or ModelKind.SvmRank => 0.5 / NormSquare,
            // A step beyond 1/(‖x‖²+1) overshoots its row: one heavy row could start an explosion.
            _ => Math.Min(0.25 / NormSquare, 1 / NormSquareMax),
        };

    // Beyond 1, where those of the hinge and the logistic loss end.
    private static bool HasGrowingSlopes(LossKind loss) => loss is LossKind.SquaredHinge or LossKind.ModifiedHuber or LossKind.ModifiedHuberZhang or LossKind.Exponential;

    /// <summary>
    /// A constant of a rule that is added to gradients, or to their squares, and so must be in the targets' unit where these are real numbers:
    /// AdaDelta's δ is also what its first steps come to. 0: the usual one.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">The rule.</param>
    /// <param name="constant">Which.</param>
    public double Constant(ModelSpec model, OptimizerKind optimizer, RuleConstant constant) => (model.Kind, optimizer, constant) switch
    {
        (ModelKind.Linear, OptimizerKind.AdaDelta, RuleConstant.Delta) => AdaDeltaOfTargets * TargetDeviation * TargetDeviation,
        (ModelKind.Linear, OptimizerKind.Ftrl, RuleConstant.Beta) => TargetDeviation,
        _ => 0,
    };

    /// <summary>
    /// The part of SGD's rate at which the bias moves. It occurs in every row, other features in a part of them: where they are rare, its last few
    /// thousand rows decide where it ends, and at a smaller rate it forgets more slowly. (On weak scores its noise alone cost 0.002 of accuracy on
    /// texts; scikit-learn takes 1/100 on sparse rows.) Where rows are dense it is a feature like the others.
    /// </summary>
    public float BiasShare => (float)Math.Max(BiasShareMin, Math.Sqrt(Density));

    /// <summary>η of SVRG: ½/L, where no row's loss has a slope that changes by more than L.</summary>
    /// <param name="model">A model with one score a row.</param>
    public double SvrgRate(ModelSpec model) => 0.5 / (NormSquareMax * model.Loss switch
    {
        LossKind.Logistic or LossKind.Sigmoid => 0.25,
        LossKind.SquaredHinge or LossKind.ModifiedHuber or LossKind.ModifiedHuberZhang => 2,
        _ => 1,
    });

    /// <summary>Where the biases start: the mean target, or the clipped log-odds of the classes.</summary>
    /// <param name="model">The model.</param>
    public float[] Bias(ModelSpec model)
    {
        if (model.IsRegression)
            return [(float)TargetMean];
        if (model.Kind == ModelKind.Softmax && ClassShares.Count == model.Outputs)
        {
            // The logarithms of the shares, around 0.
            double[] logarithms = [.. ClassShares.Select(share => Math.Log(Math.Max(RarestClass / model.Outputs, share)))];
            return [.. logarithms.Select(logarithm => (float)(logarithm - logarithms.Average()))];
        }
        if (!model.IsBinary)
            return new float[model.Outputs];
        double positive = Math.Clamp((TargetMean + 1) / 2, 1e-6, 1 - 1e-6);
        double bound = model.Kind == ModelKind.Logistic ? 5 : 1;
        return [(float)Math.Clamp(Math.Log(positive / (1 - positive)), -bound, bound)];
    }

    private static double Quantile(List<float> values, double part)
    {
        values.Sort();
        return values[(int)(part * (values.Count - 1))];
    }
}
