using DistSgd.Bench.Kernels;
using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Trainer;
using DistSgd.Trainer.Cluster;

namespace DistSgd.Bench.Train;

/// <summary>
/// Whole trainings against a read-only pass of sparse dot products over the same rows in file order, measured in turn in one run: what
/// the training loop, the shards, the merging of replicas, and the wire cost on top of the kernels.
/// </summary>
public static class TrainBench
{
    private const int Epochs = 60;
    private const int ShortEpochs = 100;
    private const int LongEpochs = 500;
    private const int Rounds = 3;
    private const int WireBatch = 1024;
    private static readonly OptimizerKind[] Additive = [.. UpdateRules.All.Where(rule => rule.Facts.IsAdditive).Select(rule => rule.Kind)];

    /// <summary>Measures.</summary>
    /// <param name="data">Two-class rows.</param>
    /// <param name="path">The file they came from, for the distributed rows; null leaves these out.</param>
    /// <param name="name">Name of the data in the rows.</param>
    /// <param name="sink">Receives each figure.</param>
    /// <param name="cancellationToken">Gives up between trainings.</param>
    public static async Task RunAsync(Dataset data, string? path, string name, Action<BenchRow> sink, CancellationToken cancellationToken)
    {
        var pass = new ReadOnlyPass(data);
        var best = new Dictionary<string, double>(StringComparer.Ordinal);
        for (int round = 0; round < Rounds; round++)
        {
            Keep("pass", pass.RowsPerSecond());
            foreach (OptimizerKind optimizer in Additive)
            {
                Keep($"{optimizer}1", await EmbeddedAsync(data, optimizer, 1, 1, cancellationToken));
                Keep($"{optimizer}2", await EmbeddedAsync(data, optimizer, 2, 1, cancellationToken));
            }
            Keep("batch", await EmbeddedAsync(data, OptimizerKind.Sgd, 1, WireBatch, cancellationToken));
            if (path is null)
                continue;
            // Whole runs of two lengths: what an observer sees of an epoch's end may come late, and flatter the next.
            foreach (int epochs in (int[])[ShortEpochs, LongEpochs])
            {
                TrainingOptions options = Options(OptimizerKind.Sgd, 1, WireBatch, epochs);
                KeepLeast($"embedded{epochs}", (await SgdTrainer.TrainAsync(data, options, cancellationToken)).Seconds);
                KeepLeast($"wire{epochs}", (await SgdTrainer.TrainAsync(data, options with { Threads = null }, new ClusterOptions { Data = path }, cancellationToken)).Seconds);
            }
        }
        string limit = "read-only pass";
        sink(new BenchRow($"{name}: read-only pass, file order, 1 thread", best["pass"], "examples/s", "", 1));
        foreach (OptimizerKind optimizer in Additive)
        {
            string rule = UpdateRules.Of(optimizer).Facts.Name;
            sink(new BenchRow($"{name}: train {rule}, 1 thread", best[$"{optimizer}1"], "examples/s", limit, best[$"{optimizer}1"] / best["pass"]));
            sink(new BenchRow($"{name}: train {rule}, 2 threads", best[$"{optimizer}2"], "examples/s", "1 thread", best[$"{optimizer}2"] / best[$"{optimizer}1"]));
        }
        sink(new BenchRow($"{name}: train sgd batch {WireBatch}, 1 thread", best["batch"], "examples/s", limit, best["batch"] / best["pass"]));
        if (path is not null)
            sink(new BenchRow($"{name}: train sgd batch {WireBatch}, 1 server + 1 worker, whole runs", Steady("wire"), "examples/s", "embedded, 1 thread", Steady("wire") / Steady("embedded")));

        // What the longer run does more, in the time that it takes longer.
        double Steady(string what) => data.RowCount * (double)(LongEpochs - ShortEpochs) / (best[$"{what}{LongEpochs}"] - best[$"{what}{ShortEpochs}"]);

        void KeepLeast(string what, double seconds) => best[what] = Math.Min(best.GetValueOrDefault(what, double.PositiveInfinity), seconds);

        void Keep(string what, double rate) => best[what] = Math.Max(best.GetValueOrDefault(what), rate);
    }

    // The fastest epoch: the first ones are compiled while they run.
    private static async Task<double> EmbeddedAsync(Dataset data, OptimizerKind optimizer, int threads, int batch, CancellationToken cancellationToken)
    {
        double best = 0;
        await SgdTrainer.TrainAsync(data, Options(optimizer, threads, batch, Epochs) with { Progress = progress => best = Math.Max(best, progress.ExamplesPerSecond) }, cancellationToken);
        return best;
    }

    private static TrainingOptions Options(OptimizerKind optimizer, int threads, int batch, int epochs) =>
        new() { Model = ModelKind.Logistic, Optimizer = optimizer, Threads = threads, Batch = batch, Epochs = epochs };

    // Scores of all rows at fixed weights, in file order: what no training can be faster than.
    private sealed class ReadOnlyPass(Dataset data)
    {
        private const int Passes = 8;

        private readonly float[] _weights = new float[data.FeatureCount];

        public double RowsPerSecond()
        {
            double best = double.PositiveInfinity;
            for (int pass = 0; pass < Passes; pass++)
            {
                long started = TimeProvider.System.GetTimestamp();
                float sum = 0;
                foreach (DatasetSegment segment in data.Segments)
                    sum += Sum(segment);
                best = Math.Min(best, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
                _weights[0] = sum * 0f;
            }
            return data.RowCount / best;
        }

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
        private float Sum(DatasetSegment segment)
        {
            ReadOnlySpan<int> starts = segment.RowStarts;
            ReadOnlySpan<uint> indices = segment.Indices;
            ReadOnlySpan<float> values = segment.Values;
            float sum = 0;
            for (int row = 0; row < segment.RowCount; row++)
            {
                int start = starts[row], count = starts[row + 1] - start;
                sum += SparseDot.Compute(_weights, indices.Slice(start, count), values.Slice(start, count));
            }
            return sum;
        }
    }
}
