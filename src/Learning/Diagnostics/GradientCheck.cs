using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Diagnostics;

/// <summary>A regulariser in a gradient check.</summary>
/// <param name="Name">For people.</param>
/// <param name="L1">λ₁.</param>
/// <param name="L2">λ₂.</param>
public readonly record struct CheckedRegularizer(string Name, double L1, double L2);

/// <summary>What a gradient check found.</summary>
/// <param name="Model">Model and loss.</param>
/// <param name="Regularizer">The regulariser.</param>
/// <param name="Float64Error">The float64 gradient beside central differences of the objective, relative.</param>
/// <param name="Float32Error">What the kernels compute, gradient of the loss and flow of the regulariser, beside float64, relative.</param>
public sealed record GradientFinding(ModelSpec Model, CheckedRegularizer Regularizer, double Float64Error, double Float32Error)
{
    /// <summary>Errors below it are rounding in float64.</summary>
    public const double Float64ErrorMax = 1e-7;

    /// <summary>Errors below it are rounding in float32.</summary>
    public const double Float32ErrorMax = 1e-4;

    /// <summary>True if both errors are rounding.</summary>
    public bool Passes => Float64Error < Float64ErrorMax && Float32Error < Float32ErrorMax;
}

/// <summary>
/// Holds the gradient of a model, a loss and a regulariser against central differences: the float64 reference in itself, and what training computes in float32
/// beside the reference. Pure; any thread.
/// </summary>
public static class GradientCheck
{
    // Long enough that float32 sees what the flow took off, short enough that no weight reaches 0.
    private const float FlowTime = 1f;

    /// <summary>Most parameters that are moved, one after the other; of more a sample is taken.</summary>
    public const int ParametersMax = 400;

    /// <summary>None, L1, L2, and both.</summary>
    public static IReadOnlyList<CheckedRegularizer> Regularizers { get; } = [new("none", 0, 0), new("L1", 0.03, 0), new("L2", 0, 0.2), new("L1 + L2", 0.02, 0.1)];

    /// <summary>Every model with every loss, with constants that are none of the usual ones; networks with every activation, plain and with batch normalisation and dropout.</summary>
    /// <param name="classes">Classes of those that have several, at least 2.</param>
    public static IEnumerable<ModelSpec> Models(int classes) =>
        from kind in Enum.GetValues<ModelKind>()
        from loss in ModelSpec.LossesOf(kind)
        let model = ModelSpec.Of(kind, loss)
        from network in kind == ModelKind.Mlp ? Networks() : [null]
        select model with
        {
            Outputs = model.HasClassScores ? classes : 1,
            HuberDelta = 0.7f,
            Margin = 0.8f,
            Costs = loss == LossKind.Tree ? new CostMatrix([.. Enumerable.Range(0, classes * classes).Select(pair => (float)Math.Abs(pair / classes - pair % classes))]) : CostMatrix.None,
            Network = network,
        };

    private static IEnumerable<MlpSpec?> Networks() =>
        from activation in Enum.GetValues<HiddenActivation>()
        from plain in (bool[])[true, false]
        select new MlpSpec { Layers = [6, 5], Activation = activation, MaxoutPieces = 3, BatchNorm = !plain, Dropout = plain ? 0 : 0.3f };

    /// <summary>Checks at one point.</summary>
    /// <param name="model">Model and loss.</param>
    /// <param name="regularizer">The regulariser.</param>
    /// <param name="block">Rows, of the whole key space.</param>
    /// <param name="features">Features of the model.</param>
    /// <param name="seed">Of the point, and of the sample of parameters.</param>
    public static GradientFinding Check(ModelSpec model, CheckedRegularizer regularizer, Block block, int features, long seed)
    {
        ICheckedObjective objective = model.Network is null ? new CheckedScores(model, regularizer, block, features) : new CheckedNetwork(model, regularizer, block, features);
        double[] point = Point(objective.Count, seed), gradient = objective.Gradient(point);
        int[] sample = Sample(point.Length, seed);
        var differences = new double[sample.Length];
        for (int i = 0; i < sample.Length; i++)
        {
            int at = sample[i];
            differences[i] = CentralDifferences.Gradient(
                moved =>
                {
                    (double kept, point[at]) = (point[at], moved[0]);
                    double value = objective.Value(point);
                    point[at] = kept;
                    return value;
                },
                [point[at]])[0];
        }
        double float64 = CentralDifferences.RelativeError([.. sample.Select(at => gradient[at])], differences);
        return new GradientFinding(model, regularizer, float64, Float32Error(objective, regularizer, point));
    }

    // Training never adds the regulariser to a gradient: it lets it act as a flow. So the flow over a time is what is compared.
    private static double Float32Error(ICheckedObjective objective, CheckedRegularizer regularizer, double[] point)
    {
        float[] values = [.. point.Select(value => (float)value)], flowed = [.. values];
        double[] expected = objective.LossGradient(point), actual = [.. objective.TrainedGradient(values).Select(value => (double)value)];
        (float factor, float amount) = RegularizationFlow.Factors((float)regularizer.L1, (float)regularizer.L2, FlowTime);
        if (regularizer.L1 > 0 || regularizer.L2 > 0)
            RegularizationFlow.Uniform(factor, amount, flowed);
        for (int i = 0; i < values.Length; i++)
        {
            if (!objective.IsRegularized(i))
                continue;
            expected[i] += (point[i] - Flow(regularizer, point[i])) / FlowTime;
            actual[i] += (values[i] - flowed[i]) / FlowTime;
        }
        return CentralDifferences.RelativeError(expected, actual);
    }

    // dw/dt = −λ₂w − λ₁ sign w, solved.
    private static double Flow(CheckedRegularizer regularizer, double weight)
    {
        (double l1, double l2) = (regularizer.L1, regularizer.L2);
        double left = Math.Abs(weight) * Math.Exp(-l2 * FlowTime) - (l2 > 0 ? l1 / l2 * (1 - Math.Exp(-l2 * FlowTime)) : l1 * FlowTime);
        return Math.CopySign(Math.Max(0, left), weight);
    }

    // No parameter is near 0, where L1 has its corner; all are float32, so that both precisions stand at one point.
    private static double[] Point(int count, long seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (double)(float)((0.05 + random.NextDouble()) * (random.Next(2) * 2 - 1)))];
    }

    private static int[] Sample(int count, long seed)
    {
        int[] all = [.. Enumerable.Range(0, count)];
        if (count <= ParametersMax)
            return all;
        new SeededRandom(seed, 1).Shuffle(all);
        return [.. all.Take(ParametersMax).Order()];
    }
}
