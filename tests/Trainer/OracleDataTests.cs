using System.Globalization;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Oracle;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.TestKit;

namespace DistSgd.Trainer.Tests;

/// <summary>The oracle's bits on whole trainings as the public API plans them: real data with the defaults, scaled columns, and sets that are odd.</summary>
public sealed class OracleDataTests
{
    private const int RowsMax = 1500;

    [PeerFact("data:a9a/a9a.train.gz")]
    public Task OnA9a() => AssertRealAsync("a9a");

    [PeerFact("data:imdb/imdb.train.gz")]
    public Task OnImdb() => AssertRealAsync("imdb");

    [PeerFact("data:letter/letter.train.gz")]
    public Task OnLetter() => AssertRealAsync("letter");

    [PeerFact("data:prsa/prsa.train.gz")]
    public Task OnPrsa() => AssertRealAsync("prsa");

    [Fact]
    public async Task ScaledColumns_EveryKindOfScaling_EqualOracleBitForBit()
    {
        using Dataset data = Uneven();
        foreach (ScalingKind scaling in Enum.GetValues<ScalingKind>())
        {
            foreach (OptimizerKind optimizer in (OptimizerKind[])[OptimizerKind.Sgd, OptimizerKind.AdaGrad, OptimizerKind.Adam])
            {
                foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
                    await AssertEqualAsync(data, new TrainingOptions { Scaling = scaling, Optimizer = optimizer, Exchange = exchange, Epochs = 2 });
            }
        }
    }

    [Fact]
    public async Task OddSets_EqualOracleBitForBit()
    {
        foreach ((string what, Dataset data) in OddSets())
        {
            using (data)
            {
                foreach (ModelKind model in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm])
                {
                    foreach (OptimizerKind optimizer in (OptimizerKind[])[OptimizerKind.Sgd, OptimizerKind.AdaGrad])
                    {
                        foreach (int batch in (int[])[1, 2, 13])
                            await AssertEqualAsync(data, new TrainingOptions { Model = model, Optimizer = optimizer, Batch = batch, Epochs = 3, Shards = 4, L1 = 1e-3, Exchange = batch % 2 == 0 ? ExchangeKind.Sparse : ExchangeKind.Dense }, what);
                    }
                }
            }
        }
    }

    [Fact]
    public async Task RowsStreamedFromTheCache_EqualOracleBitForBit()
    {
        using var folder = new Folder();
        foreach ((string name, string text) in ((string, string)[])[("dense", Text(333, 12, 0.9)), ("sparse", Text(500, 300, 0.03))])
        {
            string path = folder.Write(name, text);
            using Dataset streamed = Dataset.Open(path, new ReadOptions { MemoryMax = 4000 }, new CacheOptions()), whole = Dataset.Open(path, null, new CacheOptions { Mode = CacheMode.Off });
            Assert.True(streamed.IsStreamed && !whole.IsStreamed);
            foreach (OptimizerKind optimizer in (OptimizerKind[])[OptimizerKind.Sgd, OptimizerKind.AdaGrad, OptimizerKind.Adam])
            {
                foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
                {
                    foreach (ScalingKind scaling in (ScalingKind[])[ScalingKind.Off, ScalingKind.Standard])
                    {
                        foreach (int batch in (int[])[1, 5])
                            await AssertEqualAsync(streamed, new TrainingOptions { Optimizer = optimizer, Exchange = exchange, Scaling = scaling, Batch = batch, Epochs = 3, L1 = 1e-3, MemoryMax = 4000 }, name, whole);
                    }
                }
            }
        }
    }

    // The first rows of a set, whatever the defaults make of them, in one process and over gRPC.
    private static async Task AssertRealAsync(string set)
    {
        using Dataset all = Dataset.Open(Path.Combine(Environment.GetEnvironmentVariable("DISTSGD_DATA")!, set, $"{set}.train.gz"), null, new CacheOptions { Mode = CacheMode.Off });
        using Dataset data = RowSelection.Copy(all, [new RowRange(0, RowsMax)]);
        foreach (OptimizerKind optimizer in (OptimizerKind[])[OptimizerKind.Sgd, OptimizerKind.AdaGrad])
        {
            foreach ((int? batch, double? l1) in ((int?, double?)[])[(null, null), (33, null), (null, 1e-4)])
                await AssertEqualAsync(data, new TrainingOptions { Optimizer = optimizer, Batch = batch, L1 = l1 ?? 0, Epochs = 2 }, set);
        }
        if (set is "a9a" or "imdb")
            await AssertEqualAsync(data, new TrainingOptions { Model = ModelKind.Svm, Epochs = 2 }, set);
    }

    // The oracle reads the same rows, where the others are streamed, from memory.
    private static async Task AssertEqualAsync(Dataset data, TrainingOptions options, string what = "", Dataset? inMemory = null)
    {
        inMemory ??= data;
        options = options with { Threads = 1, Prefetch = 0 };
        TrainingPlan plan = TrainingPlan.Make(data, options, new Deployment(1, 0, "embedded"), null);
        Assert.Equal(data.IsStreamed, plan.Job.Streams);
        TrainedModel model = (await SgdTrainer.TrainAsync(data, options)).Model;
        AssertSame(Oracle(plan, inMemory), [.. model.Weights, .. model.Biases], $"{what}, {options}");
        plan = TrainingPlan.Make(data, options, new Deployment(1, 2, "remote"), null);
        AssertSame(Oracle(plan, inMemory), await OverGrpcAsync(plan, data), $"{what} over gRPC, {options}");
    }

    private static float[] Oracle(TrainingPlan plan, Dataset data) => new SequentialTrainer(OracleCase.Of(plan), data).Train();

    private static async Task<float[]> OverGrpcAsync(TrainingPlan plan, Dataset data)
    {
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(servers: 2);
        await using GrpcParameterClient client = await cluster.ActivateAsync(plan.Job, shards: 3);
        await InitialParameters.PushAsync(plan.Job, client, plan.Initial, CancellationToken.None);
        await OracleCase.TrainPartitionAsync(plan.Job, data, plan.Labels, 0, client);
        float[] parameters = await ParameterReader.ReadAsync(plan.Job, client, CancellationToken.None);
        plan.Job.Scaling?.ToOriginal(parameters, plan.Job.Width);
        return parameters;
    }

    private static void AssertSame(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int key = 0; key < expected.Length; key++)
            Assert.True(BitConverter.SingleToInt32Bits(expected[key]) == BitConverter.SingleToInt32Bits(actual[key]), $"{what}: parameter {key} is {actual[key]:R}, the oracle says {expected[key]:R}");
        Assert.Contains(expected, weight => weight != 0);
    }

    private static string Text(int rows, int features, double density)
    {
        var random = new SeededRandom(rows);
        return string.Concat(Enumerable.Range(0, rows).Select(row =>
        {
            string[] pairs = [.. Enumerable.Range(1, features).Where(column => column == 1 + row % features || random.NextDouble() < density).Select(column => string.Create(CultureInfo.InvariantCulture, $"{column}:{random.NextGaussian():F3}"))];
            return $"{(row % 3 == 0 ? 1 : -1)} {string.Join(' ', pairs)}\n";
        }));
    }

    // Columns that lie far from 0, that are mostly there, that are rare, and of sizes from 1e-3 to 1e3.
    private static Dataset Uneven()
    {
        var random = new SeededRandom(3);
        using var rows = new DatasetBuilder();
        for (int row = 0; row < 120; row++)
        {
            uint[] columns = [.. Enumerable.Range(0, 14).Where(column => column < 4 || random.NextDouble() < (column < 8 ? 0.9 : 0.1)).Select(column => (uint)column)];
            float[] values = [.. columns.Select(column => (float)((column % 2 == 0 ? 50 : 0) + random.NextGaussian()) * MathF.Pow(10, (int)column % 7 - 3))];
            rows.Add(values[0] / 0.001f + random.NextGaussian() > 50 ? 1 : -1, columns, values);
        }
        return rows.Build();
    }

    private static IEnumerable<(string, Dataset)> OddSets()
    {
        yield return ("half of the rows empty", Build(61, 9, (row, j) => row % 2 == 0 && (row + j) % 3 == 0));
        yield return ("all rows empty but one", Build(20, 5, (row, _) => row == 7));
        yield return ("one row more than a batch", Build(14, 3, (_, _) => true));
        yield return ("one feature", Build(40, 1, (_, _) => true));
        yield return ("two rows", Build(2, 4, (_, _) => true));
        yield return ("sorted by label", RandomRows.SortedByLabel(Build(100, 30, (row, j) => (row * 7 + j * 3) % 5 == 0)));
        yield return ("features that occur once", Build(50, 50, (row, j) => row == j));
        yield return ("a row of 2,000", Build(11, 2000, (row, j) => row == 4 || j == row));
    }

    private static Dataset Build(int rows, int features, Func<int, int, bool> isThere)
    {
        var random = new SeededRandom(rows + features);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, features).Where(j => isThere(row, j)).Select(j => (uint)j)];
            builder.Add(row % 3 == 0 ? 1 : -1, indices, [.. indices.Select(_ => (float)random.NextGaussian())]);
        }
        return builder.Build();
    }
}
