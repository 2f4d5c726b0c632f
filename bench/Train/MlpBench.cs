using DistSgd.Bench.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Trainer;

namespace DistSgd.Bench.Train;

/// <summary>
/// Whole training steps of an MLP (256 and 128 hidden units, ReLU, batch 128) against the peak of fused multiply-adds of one core, measured in turn in one run: the
/// products, the rest of the way forth and back, and what rows, shards and the update rule cost on top.
/// </summary>
public static class MlpBench
{
    // Short epochs and many: the fastest one counts, and what others do to the machine passes in between.
    private const int Epochs = 20;
    private const int TrainingBlocks = 200;
    private const int Rounds = 3;
    private const int GradientBlocks = 100;
    private const int GradientPasses = 10;
    private const int GeneratedRows = 30_000;
    private const int GeneratedFeatures = 784;
    private const int GeneratedClasses = 10;

    private static readonly TrainingOptions Options = new() { Model = ModelKind.Mlp, Epochs = Epochs, Batch = NetworkBatch, Scaling = Learning.Preprocessing.ScalingKind.Off };

    /// <summary>Measures.</summary>
    /// <param name="data">Rows of several classes.</param>
    /// <param name="sink">Receives each figure.</param>
    /// <param name="cancellationToken">Gives up between trainings.</param>
    public static async Task RunAsync(Dataset data, Action<BenchRow> sink, CancellationToken cancellationToken)
    {
        using Dataset rows = RowSelection.Copy(data, [new RowRange(0, Math.Min(data.RowCount, TrainingBlocks * NetworkBatch))]);
        ModelSpec model = (await SgdTrainer.TrainAsync(data, Options with { Epochs = 1 }, cancellationToken)).Model.Spec;
        double operations = Operations(model.Shape, data.FeatureCount);
        double peak = double.PositiveInfinity, twice = peak, gradients = 0, one = 0, two = 0;
        for (int round = 0; round < Rounds; round++)
        {
            peak = Math.Min(peak, Seconds(FmaPeak.RunOne));
            twice = Math.Min(twice, Seconds(FmaPeak.RunTwo));
            gradients = Math.Max(gradients, GradientRate(data, model));
            peak = Math.Min(peak, Seconds(FmaPeak.RunOne));
            one = Math.Max(one, await TrainingRateAsync(rows, 1, cancellationToken));
            two = Math.Max(two, await TrainingRateAsync(rows, 2, cancellationToken));
        }
        string name = $"{model.Network!.Layers.Aggregate($"{data.FeatureCount}", (text, units) => $"{text}-{units}")}-{model.Outputs}";
        foreach (BenchRow row in FmaPeak.Rows(peak, twice))
            sink(row);
        sink(new BenchRow($"mlp {name}: gradients, 1 thread", gradients, "examples/s", FmaPeak.One, gradients * operations / FmaPeak.Rate(peak)));
        sink(new BenchRow($"mlp {name}: training, 1 thread", one, "examples/s", FmaPeak.One, one * operations / FmaPeak.Rate(peak)));
        sink(new BenchRow($"mlp {name}: training, 2 threads", two, "examples/s", "1 thread", two / one));
    }

    /// <summary>Rows for a bench without data: half of the pixels are 0.</summary>
    public static Dataset Generate()
    {
        var random = new SeededRandom(BenchOrigin.SeedOfAll, 1);
        using var builder = new DatasetBuilder();
        var (indices, values) = (new uint[GeneratedFeatures], new float[GeneratedFeatures]);
        for (int row = 0; row < GeneratedRows; row++)
        {
            int count = 0;
            for (uint j = 0; j < GeneratedFeatures; j++)
            {
                double value = random.NextGaussian();
                (indices[count], values[count]) = (j, (float)value);
                count += value > 0 ? 1 : 0;
            }
            builder.Add(row % GeneratedClasses, indices.AsSpan(0, count), values.AsSpan(0, count));
        }
        return builder.Build();
    }

    // Of one row: every weight forth, in its own gradient, and, but for the first layer, in the gradient of its inputs.
    private static double Operations(MlpShape shape, long features) =>
        shape.Layers.Sum(layer => layer.Number == 0 ? 4.0 * features * layer.Columns : 6.0 * layer.Inputs * layer.Columns);

    private static double Seconds(Action work)
    {
        long started = TimeProvider.System.GetTimestamp();
        work();
        return TimeProvider.System.GetElapsedTime(started).TotalSeconds;
    }

    // The way forth and back alone, at fixed parameters.
    private static double GradientRate(Dataset data, ModelSpec model)
    {
        var plan = new BlockPlan(1, 0, NetworkBatch, data.FeatureCount, Compact: false, LabelMap.ForClasses(data.Labels));
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, Math.Min(data.RowCount, GradientBlocks * NetworkBatch))], plan);
        using var network = new MlpNetwork(model.Shape);
        float[] parameters = MlpStart.Draw(model.Shape, (int)data.FeatureCount, 1), gradient = new float[parameters.Length];
        var scores = new float[NetworkBatch * model.Outputs];
        int[] order = [.. Enumerable.Range(0, NetworkBatch)];
        double best = double.PositiveInfinity;
        for (int pass = 0; pass < GradientPasses; pass++)
        {
            long started = TimeProvider.System.GetTimestamp();
            for (int block = 0; block < blocks.Count; block++)
            {
                int rows = blocks[block].RowCount;
                network.Compute(blocks[block].Rows, order.AsSpan(0, rows), parameters, gradient, scores.AsSpan(0, rows * model.Outputs));
            }
            best = Math.Min(best, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
        }
        return blocks.RowCount / best;
    }

    // The fastest epoch: the first one is compiled while it runs.
    private static async Task<double> TrainingRateAsync(Dataset data, int threads, CancellationToken cancellationToken)
    {
        double best = 0;
        await SgdTrainer.TrainAsync(data, Options with { Threads = threads, Progress = progress => best = Math.Max(best, progress.ExamplesPerSecond) }, cancellationToken);
        return best;
    }

    private const int NetworkBatch = 128;
}
