using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;

namespace DistSgd.Trainer.Tests;

/// <summary>The order by losses, seen from outside: each row has a feature of its own, whose weight tells how often the row was visited.</summary>
public sealed class LargestLossTests
{
    private const int Rows = 120;
    private const int Outliers = 8;
    private const int Large = 20;

    [Fact]
    public async Task SecondEpoch_BeginsWithTheLargestLosses_EmbeddedAndOverServers()
    {
        using Dataset data = Targets();
        foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
        {
            foreach (int? localSteps in (int?[])[null, 1])
            {
                foreach (bool isRemote in (bool[])[false, true])
                {
                    int[] visited = await VisitedAgainAsync(data, new TrainingOptions { Exchange = exchange, LocalSteps = localSteps }, Outliers + Large, isRemote);
                    Assert.Equal(Enumerable.Range(0, Outliers + Large), visited);
                }
            }
        }
    }

    [Fact]
    public async Task LossesBeyondTheCap_ComeInRandomOrder()
    {
        using Dataset data = Targets();
        const int few = 3;
        int[][] visited = [.. await Task.WhenAll(Enumerable.Range(1, 6).Select(seed => VisitedAgainAsync(data, new TrainingOptions { Seed = (ulong)seed }, few, isRemote: false)))];
        Assert.All(visited, rows => Assert.All(rows, row => Assert.InRange(row, 0, Outliers - 1)));
        Assert.True(visited.Select(rows => string.Join(',', rows)).Distinct().Count() > 1);
    }

    // Which rows the first steps of the second epoch visit.
    private static async Task<int[]> VisitedAgainAsync(Dataset data, TrainingOptions options, int steps, bool isRemote)
    {
        options = options with { Model = ModelKind.Linear, Optimizer = OptimizerKind.Sgd, Schedule = ScheduleKind.Constant, LearningRate = 1e-3, L2 = 0, Scaling = ScalingKind.Off, Batch = 1, Epochs = 2, Threads = 1, Order = RowOrderKind.LargestLoss };
        float[] once = await WeightsAsync(data, options with { StepsMax = Rows }, isRemote), more = await WeightsAsync(data, options with { StepsMax = Rows + steps }, isRemote);
        Assert.DoesNotContain(0f, once);
        int[] visited = [.. Enumerable.Range(0, Rows).Where(row => once[row] != more[row])];
        Assert.Equal(steps, visited.Length);
        return visited;
    }

    private static async Task<float[]> WeightsAsync(Dataset data, TrainingOptions options, bool isRemote)
    {
        if (!isRemote)
            return (await SgdTrainer.TrainAsync(data, options)).Model.Weights.ToArray();
        TrainingPlan plan = TrainingPlan.Make(data, options, new Deployment(1, 2, "remote"), null);
        Assert.Equal(1, plan.Job.Prefetch);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(servers: 2);
        await using GrpcParameterClient client = await cluster.ActivateAsync(plan.Job, shards: 3);
        await InitialParameters.PushAsync(plan.Job, client, plan.Initial, CancellationToken.None);
        await OracleCase.TrainPartitionAsync(plan.Job, data, plan.Labels, 0, client);
        return (await ParameterReader.ReadAsync(plan.Job, client, CancellationToken.None))[..Rows];
    }

    // Eight rows far beyond four times the mean loss, twenty of large ones, the rest of small ones; the mean of all is about 0.
    private static Dataset Targets()
    {
        using var rows = new DatasetBuilder();
        for (int row = 0; row < Rows; row++)
            rows.Add((row % 2 == 0 ? 1 : -1) * (row < Outliers ? 20 + row / 2 : row < Outliers + Large ? 3 + row * 0.01f : 1 + row * 0.001f), [(uint)row], [1f]);
        return rows.Build();
    }
}
