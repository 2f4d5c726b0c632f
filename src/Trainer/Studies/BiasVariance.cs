using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer.Studies;

/// <summary>Figures of one size of model, over many training sets.</summary>
/// <param name="Size">Features of the model.</param>
/// <param name="BiasSquared">Mean over the inputs of (mean prediction − truth)².</param>
/// <param name="Variance">Mean over inputs and sets of (prediction − mean prediction)².</param>
/// <param name="ErrorOut">Mean over inputs and sets of (prediction − truth)²: what both add up to, computed by itself.</param>
public readonly record struct BiasVariancePoint(int Size, double BiasSquared, double Variance, double ErrorOut);

/// <summary>
/// Bias and variance of linear regression on polynomials of rising degree, for squared error against a truth without noise: t(x) = sin(πx) on [−1, 1], training targets with Gaussian noise. A model of size s has the Legendre
/// polynomials P₁ … P_s as features, and is trained by this system.
/// </summary>
public static class BiasVariance
{
    /// <summary>Standard deviation of the noise on training targets.</summary>
    public const double Noise = 0.3;

    private const int Inputs = 201;
    private const int Epochs = 300;

    /// <summary>The truth.</summary>
    /// <param name="x">In [−1, 1].</param>
    public static double Truth(double x) => Math.Sin(Math.PI * x);

    /// <summary>Trains a model of each size on each of some sets.</summary>
    /// <param name="sets">K, at least 2.</param>
    /// <param name="rows">Rows of a set, at least 2.</param>
    /// <param name="sizeMax">The largest model; all from 1 on are trained.</param>
    /// <param name="seed">Of the sets.</param>
    /// <param name="cancellationToken">Gives up between trainings.</param>
    public static async Task<IReadOnlyList<BiasVariancePoint>> MeasureAsync(int sets, int rows, int sizeMax, ulong seed, CancellationToken cancellationToken)
    {
        double[] inputs = [.. Enumerable.Range(0, Inputs).Select(i => 2.0 * i / (Inputs - 1) - 1)];
        var points = new List<BiasVariancePoint>();
        for (int size = 1; size <= sizeMax; size++)
        {
            var predictions = new double[sets][];
            for (int set = 0; set < sets; set++)
                predictions[set] = await PredictAsync(size, rows, seed, set, inputs, cancellationToken);
            points.Add(Decompose(size, predictions, [.. inputs.Select(Truth)]));
        }
        return points;
    }

    /// <summary>Bias², variance and error of predictions.</summary>
    /// <param name="size">Kept in the answer.</param>
    /// <param name="predictions">A row a set, an element an input.</param>
    /// <param name="truth">An element an input.</param>
    public static BiasVariancePoint Decompose(int size, double[][] predictions, double[] truth)
    {
        double bias = 0, variance = 0, error = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            double mean = predictions.Average(set => set[i]);
            bias += (mean - truth[i]) * (mean - truth[i]);
            variance += predictions.Average(set => (set[i] - mean) * (set[i] - mean));
            error += predictions.Average(set => (set[i] - truth[i]) * (set[i] - truth[i]));
        }
        return new BiasVariancePoint(size, bias / truth.Length, variance / truth.Length, error / truth.Length);
    }

    private static async Task<double[]> PredictAsync(int size, int rows, ulong seed, int set, double[] inputs, CancellationToken cancellationToken)
    {
        // The same sets for every size: what differs is the model.
        var random = new SeededRandom((long)seed, set);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            double x = 2 * random.NextDouble() - 1;
            (uint[] indices, float[] values) = Features(x, size);
            builder.Add((float)(Truth(x) + Noise * random.NextGaussian()), indices, values);
        }
        using Dataset data = builder.Build();
        var options = new TrainingOptions { Model = ModelKind.Linear, Optimizer = OptimizerKind.AdaGrad, Threads = 1, Epochs = Epochs, L2 = 0, Scaling = ScalingKind.Off, Seed = seed };
        TrainedModel model = (await SgdTrainer.TrainAsync(data, options, cancellationToken)).Model;
        float[] weights = model.Weights.ToArray();
        return [.. inputs.Select(x => Features(x, size).Values.Zip(weights, (value, weight) => (double)value * weight).Sum() + model.Bias)];
    }

    // P₁(x) … P_size(x) by Bonnet's recursion.
    private static (uint[] Indices, float[] Values) Features(double x, int size)
    {
        var values = new float[size];
        double before = 1, now = x;
        for (int n = 1; n <= size; n++)
        {
            values[n - 1] = (float)now;
            (before, now) = (now, ((2 * n + 1) * x * now - n * before) / (n + 1));
        }
        return ([.. Enumerable.Range(0, size).Select(i => (uint)i)], values);
    }
}
