using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker.Tests;

public sealed class TrainingLoopTests
{
    private const int Rows = 10, Features = 12;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task WithoutPrefetch_EachExchangePushesABlockAndPullsTheNext_OneAfterTheOther()
    {
        ScriptedClient client = await RunAsync(Job(prefetch: 0, epochs: 2));
        Assert.Equal(
            Sequentially("pull 13", "push 1 pull 13", "push 2 pull 13", "push 3 pull 13", "push 4 pull 13", "push 5 pull 13", "push 6"),
            client.Log);
    }

    [Fact]
    public async Task WithPrefetch_TwoBlocksArePulledFirst_AndThePullOfEachPushIsForTheBlockAfterTheNext()
    {
        ScriptedClient client = await RunAsync(Job(prefetch: 1, epochs: 2));
        Assert.Equal(
            Sequentially("pull 13", "pull 13", "push 1 pull 13", "push 2 pull 13", "push 3 pull 13", "push 4 pull 13", "push 5", "push 6"),
            client.Log);
    }

    [Fact]
    public async Task OneBlockInTheWholeJob_IsPulledAndPushedOnce()
    {
        foreach (int prefetch in (int[])[0, 1])
        {
            ScriptedClient client = await RunAsync(Job(prefetch, epochs: 1) with { Batch = 64 });
            Assert.Equal(Sequentially("pull 13", "push 1"), client.Log);
        }
    }

    [Fact]
    public async Task WithPrefetch_NoExchangeBeginsWhileAnotherIsUnderWay()
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var client = new ScriptedClient(Features + 1, 1) { Gate = number => number == 2 ? held.Task : Task.CompletedTask };
        using Dataset data = Data();
        TrainingJob job = Job(prefetch: 1, epochs: 1);
        using BlockSet blocks = Blocks(job, data);
        using var loop = new TrainingLoop(job, blocks, client, new Recorder());
        Task run = loop.RunAsync(CancellationToken.None);
        // The first push is held; the loop has come to wait for it before it pushes the second block.
        Assert.False(run.IsCompleted);
        Assert.Equal(3, client.Begun);
        Assert.Equal((2, 0), (loop.Clock, loop.Pushes));
        held.SetResult();
        await run.WaitAsync(Patience);
        Assert.Equal(3, loop.Pushes);
    }

    [Fact]
    public async Task WithoutPrefetch_NothingIsComputedWhileAnExchangeIsUnderWay()
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var client = new ScriptedClient(Features + 1, 1) { Gate = number => number == 1 ? held.Task : Task.CompletedTask };
        using Dataset data = Data();
        TrainingJob job = Job(prefetch: 0, epochs: 1);
        using BlockSet blocks = Blocks(job, data);
        using var loop = new TrainingLoop(job, blocks, client, new Recorder());
        Task run = loop.RunAsync(CancellationToken.None);
        Assert.Equal((2, 0, 2), (loop.Clock, loop.Pushes, client.Begun));
        held.SetResult();
        await run.WaitAsync(Patience);
    }

    [Fact]
    public async Task WithPrefetch_ALoneWorkerReadsItsOwnWrites_SoThatItEndsWhereItWouldWithout()
    {
        foreach (OptimizerKind optimizer in UpdateRules.All.Where(rule => rule.Facts.IsAdditive).Select(rule => rule.Kind))
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                ScriptedClient without = await RunAsync(Job(prefetch: 0, epochs: 3, optimizer, sparse));
                ScriptedClient with = await RunAsync(Job(prefetch: 1, epochs: 3, optimizer, sparse));
                for (int i = 0; i < without.Entries.Length; i++)
                    Assert.True(without.Entries[i] == with.Entries[i], $"{optimizer}, sparse {sparse}, float {i}: {with.Entries[i]:R} with prefetch, {without.Entries[i]:R} without");
                Assert.Contains(without.Entries, value => value != 0);
            }
        }
    }

    [Fact]
    public async Task Pushes_AreNamedByPartitionAndPosition_AndCarryStepRatesAndTheVersionRead()
    {
        TrainingJob job = Job(prefetch: 0, epochs: 2) with { Partitions = 3 };
        ScriptedClient client = await RunAsync(job, partition: 2);
        Assert.Equal(Enumerable.Range(1, 6).Select(i => new PushName(2, (ulong)i)), client.Pushes.Select(push => push.Name));
        Assert.All(client.Pushes, push => Assert.Equal(PushKind.Delta, push.Kind));
        // Blocks of 4, 4 and 2 rows in an order of their own each epoch, mini-batches of 2; a step counts for all partitions.
        long step = 0;
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal((step, i), (client.Pushes[i].Step, client.Pushes[i].ReadVersion));
            double steps = client.Pushes[i].RateSum / job.Rule.Schedule.Rate(step);
            Assert.True(steps is 2 or 1, $"push {i}: {steps} steps");
            step += 3 * (long)steps;
        }
        Assert.Equal(3 * 10, step);
    }

    [Fact]
    public async Task WithPrefetch_VersionsReadAreThoseOfThePullBefore()
    {
        ScriptedClient client = await RunAsync(Job(prefetch: 1, epochs: 2));
        Assert.Equal((long[])[0, 0, 1, 2, 3, 4], client.Pushes.Select(push => push.ReadVersion));
    }

    [Fact]
    public async Task LocalStepsOfZero_PushGradientsOfEachMiniBatch()
    {
        ScriptedClient client = await RunAsync(Job(prefetch: 0, epochs: 1) with { LocalSteps = 0 });
        Assert.Equal(5, client.Pushes.Count);
        Assert.All(client.Pushes, push => Assert.Equal((PushKind.Gradient, 0.0), (push.Kind, push.RateSum)));
        Assert.Equal((long[])[0, 1, 2, 3, 4], client.Pushes.Select(push => push.Step));
    }

    [Fact]
    public async Task Observer_IsToldOfEachEpochAfterItsLastPushWasAcknowledged()
    {
        foreach (int prefetch in (int[])[0, 1])
        {
            TrainingJob job = Job(prefetch, epochs: 3);
            using Dataset data = Data();
            using BlockSet blocks = Blocks(job, data);
            var client = new ScriptedClient(Features + 1, 1);
            var recorder = new Recorder { Told = () => client.Pushes.Count };
            using var loop = new TrainingLoop(job, blocks, client, recorder);
            await loop.RunAsync(CancellationToken.None);
            Assert.Equal((int[])[3, 6, 9], recorder.Seen);
            Assert.Equal([(1, 10L), (2, 10L), (3, 10L)], recorder.Reports.Select(report => (report.EpochsDone, report.Rows)));
            Assert.All(recorder.Reports, report => Assert.True(report.LossSum > 0 && double.IsFinite(report.LossSum)));
            Assert.Equal((15, 30, 9), (loop.Clock, loop.Rows, loop.Pushes));
        }
    }

    [Fact]
    public async Task Observer_ThatSaysStop_EndsTheLoopAtThatEpoch()
    {
        foreach (int prefetch in (int[])[0, 1])
        {
            TrainingJob job = Job(prefetch, epochs: 5);
            using Dataset data = Data();
            using BlockSet blocks = Blocks(job, data);
            var client = new ScriptedClient(Features + 1, 1);
            using var loop = new TrainingLoop(job, blocks, client, new Recorder { StopAfter = 2 });
            await loop.RunAsync(CancellationToken.None);
            Assert.Equal(6, client.Pushes.Count);
        }
    }

    [Fact]
    public async Task FirstEpochsLoss_AtZeroWeights_IsTheModelsLossThere()
    {
        // One block of one mini-batch: every score is 0, so that each row's logistic loss is ln 2.
        TrainingJob job = Job(prefetch: 0, epochs: 1) with { Batch = 64, LocalSteps = 1 };
        using Dataset data = Data();
        using BlockSet blocks = Blocks(job, data);
        var recorder = new Recorder();
        using var loop = new TrainingLoop(job, blocks, new ScriptedClient(Features + 1, 1), recorder);
        await loop.RunAsync(CancellationToken.None);
        Assert.Equal(Rows * Math.Log(2), recorder.Reports[0].LossSum, 1e-5);
    }

    [Fact]
    public async Task Cancellation_WhileAnExchangeIsUnderWay_EndsTheLoop()
    {
        foreach (int prefetch in (int[])[0, 1])
        {
            TrainingJob job = Job(prefetch, epochs: 5);
            using Dataset data = Data();
            using BlockSet blocks = Blocks(job, data);
            using var cancel = new CancellationTokenSource();
            var client = new ScriptedClient(Features + 1, 1) { Gate = number => number == 4 ? new TaskCompletionSource().Task : Task.CompletedTask };
            using var loop = new TrainingLoop(job, blocks, client, new Recorder());
            Task run = loop.RunAsync(cancel.Token);
            Assert.False(run.IsCompleted);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
            Assert.Equal(5, client.Begun);
        }
    }

    [Fact]
    public async Task Exchange_ThatFails_EndsTheLoopWithItsReasonAndSendsNothingMore()
    {
        foreach (int prefetch in (int[])[0, 1])
        {
            TrainingJob job = Job(prefetch, epochs: 5);
            using Dataset data = Data();
            using BlockSet blocks = Blocks(job, data);
            var client = new ScriptedClient(Features + 1, 1)
            {
                Gate = number => number == 3 ? Task.FromException(new ParameterException(ParameterFault.Unavailable, "gone")) : Task.CompletedTask,
            };
            using var loop = new TrainingLoop(job, blocks, client, new Recorder());
            ParameterException failure = await Assert.ThrowsAsync<ParameterException>(() => loop.RunAsync(CancellationToken.None));
            Assert.Equal("gone", failure.Message);
            Assert.Equal(4, client.Begun);
        }
    }

    [Fact]
    public async Task SparseExchange_PullsAndPushesEachBlocksOwnKeys()
    {
        TrainingJob job = Job(prefetch: 0, epochs: 1, sparse: true);
        using Dataset data = Data();
        using BlockSet blocks = Blocks(job, data);
        var client = new ScriptedClient(Features + 1, 1);
        using var loop = new TrainingLoop(job, blocks, client, new Recorder());
        await loop.RunAsync(CancellationToken.None);
        int[] sizes = [.. Enumerable.Range(0, blocks.Count).Select(b => blocks[b].Keys!.Length)];
        int[] pulled = [.. client.Log.Where(line => line.StartsWith("begin", StringComparison.Ordinal) && line.Contains("pull", StringComparison.Ordinal)).Select(line => int.Parse(line.Split(' ')[^1]))];
        Assert.Equal(sizes.Order(), pulled.Order());
    }

    [Fact]
    public async Task MergeScale_ShrinksDifferencesOfValuesAndTheTimeButNotOptimizerState()
    {
        TrainingJob whole = Job(prefetch: 0, epochs: 1, OptimizerKind.AdaGrad) with { Batch = 64 };
        ScriptedClient full = await RunAsync(whole), half = await RunAsync(whole with { MergeScale = 0.5f });
        for (int key = 0; key <= Features; key++)
        {
            Assert.Equal(full.Entries[2 * key] * 0.5f, half.Entries[2 * key]);
            Assert.Equal(full.Entries[2 * key + 1], half.Entries[2 * key + 1]);
        }
        Assert.Equal(full.Pushes[0].RateSum / 2, half.Pushes[0].RateSum);
    }

    [Fact]
    public async Task StepsMax_EndsExactlyThere_InTheMiddleOfABlock_AndTheReportSaysItIsTheLast()
    {
        foreach (int prefetch in (int[])[0, 1])
        {
            // 10 rows in mini-batches of 2, blocks of 2 steps: 7 steps are an epoch of 5 and a block.
            foreach (int steps in (int[])[1, 4, 5, 7, 8])
            {
                TrainingJob job = Job(prefetch, epochs: 9) with { StepsMax = steps };
                using Dataset data = Data();
                using BlockSet blocks = Blocks(job, data);
                var recorder = new Recorder();
                var client = new ScriptedClient(Features + 1, 1);
                using var loop = new TrainingLoop(job, blocks, client, recorder);
                await loop.RunAsync(CancellationToken.None).WaitAsync(Patience);
                Assert.Equal((steps, 2 * steps, 2L * steps), (loop.Clock, loop.Rows, recorder.Reports.Sum(report => report.Rows)));
                Assert.Equal([.. Enumerable.Repeat(false, (steps - 1) / 5), true], recorder.Reports.Select(report => report.IsLast));
                Assert.Equal(loop.Pushes, client.Pushes.Count);
            }
        }
    }

    [Fact]
    public async Task StepsMax_IsSharedAmongThePartitions()
    {
        TrainingJob job = Job(prefetch: 0, epochs: 9) with { StepsMax = 8, Partitions = 3 };
        Assert.Equal([3L, 3, 2], Enumerable.Range(0, 3).Select(job.StepsMaxOf));
        Assert.Equal(long.MaxValue, (job with { StepsMax = 0 }).StepsMaxOf(0));
        Assert.Equal(2, (await RunAsync(job)).Pushes.Count);
    }

    [Fact]
    public async Task AnObserverWhoseTimeIsUp_EndsTheLoopBehindTheBlockUnderWay()
    {
        TrainingJob job = Job(prefetch: 1, epochs: 9);
        using Dataset data = Data();
        using BlockSet blocks = Blocks(job, data);
        var recorder = new Recorder { BlocksUntilOver = 4 };
        var client = new ScriptedClient(Features + 1, 1);
        using var loop = new TrainingLoop(job, blocks, client, recorder);
        await loop.RunAsync(CancellationToken.None).WaitAsync(Patience);
        Assert.Equal((4, 4), (client.Pushes.Count, loop.Pushes));
        Assert.Equal([false, true], recorder.Reports.Select(report => report.IsLast));
    }

    [Fact]
    public async Task Clip_BoundsEveryPushedGradient()
    {
        TrainingJob job = Job(prefetch: 0, epochs: 1) with { LocalSteps = 0, Clip = new GradientClip(Norm: 0.01f) };
        ScriptedClient client = await RunAsync(job);
        Assert.All(client.Pushes, push => Assert.Equal(PushKind.Gradient, push.Kind));
        Assert.Contains(client.PushedNorms, norm => norm > 0.0099);
        Assert.All(client.PushedNorms, norm => Assert.True(norm <= 0.0101, $"{norm}"));
    }

    private static List<string> Sequentially(params string[] exchanges) => [.. exchanges.SelectMany(exchange => (string[])[$"begin {exchange}", $"end {exchange}"])];

    private static TrainingJob Job(int prefetch, int epochs, OptimizerKind optimizer = OptimizerKind.Sgd, bool sparse = false) => new()
    {
        Name = "job",
        Model = ModelKind.Logistic,
        Rule = new UpdateRule { Optimizer = optimizer, Schedule = new Schedule(ScheduleKind.Inverse, 0.25, 0.1) },
        Features = Features,
        Sparse = sparse,
        Epochs = epochs,
        Batch = 2,
        LocalSteps = 2,
        Prefetch = prefetch,
        Seed = 5,
    };

    private static Dataset Data()
    {
        var random = new Random(1);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < Rows; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, Features).Where(_ => random.Next(4) == 0).Select(j => (uint)j)];
            builder.Add(random.Next(2) * 2 - 1, indices, [.. indices.Select(_ => (float)random.NextDouble())]);
        }
        return builder.Build();
    }

    private static BlockSet Blocks(TrainingJob job, Dataset data, int partition = 0) =>
        BlockSet.Build(data, [new RowRange(0, Rows)], new BlockPlan(job.Seed, partition, job.RowsPerBlock, job.Features, job.Sparse, LabelMap.Binary(-1, 1)));

    private static async Task<ScriptedClient> RunAsync(TrainingJob job, int partition = 0)
    {
        using Dataset data = Data();
        using BlockSet blocks = Blocks(job, data, partition);
        var client = new ScriptedClient(Features + 1, job.EntryFloats);
        using var loop = new TrainingLoop(job, blocks, client, new Recorder());
        await loop.RunAsync(CancellationToken.None).WaitAsync(Patience);
        return client;
    }

    private sealed class Recorder : ITrainingObserver
    {
        public List<EpochReport> Reports { get; } = [];

        public List<int> Seen { get; } = [];

        public int StopAfter { get; init; } = int.MaxValue;

        public Func<int>? Told { get; init; }

        public int BlocksUntilOver { get; set; } = int.MaxValue;

        public bool IsOver => --BlocksUntilOver == 0;

        public ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken)
        {
            Reports.Add(report);
            Seen.Add(Told?.Invoke() ?? 0);
            return ValueTask.FromResult(Reports.Count < StopAfter);
        }
    }
}
