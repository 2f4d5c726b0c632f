using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.TestKit;

namespace DistSgd.Trainer.Tests;

/// <summary>A training that ends in the middle goes on from its checkpoint as if it hadn't.</summary>
public sealed class CheckpointTests
{
    private const int EpochsOfAll = 5;
    private const int EpochsBeforeTheEnd = 2;

    [Fact]
    public async Task EveryRule_InterruptedAndContinued_EqualsTheWholeTraining_BitForBitWhereRangesAreExchanged()
    {
        using Dataset data = RandomRows.Build(200, 12, 0.4, seed: 21);
        foreach (OptimizerKind rule in Enum.GetValues<OptimizerKind>())
        {
            foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
            {
                TrainingOptions options = Options with { Optimizer = rule, Exchange = exchange, L1 = 1e-4, Batch = 4 };
                (float[] whole, float[] continued) = await BothAsync(data, options);
                // Of lists, the regulariser's closed form is taken in two parts where the checkpoint cuts it.
                double tolerance = exchange == ExchangeKind.Dense ? 0 : 1e-5 * whole.Max(Math.Abs);
                Assert.All(whole.Zip(continued), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance, $"{rule}, {exchange}: {pair}"));
            }
        }
    }

    [Fact]
    public async Task LocalStepsAndEveryModel_InterruptedAndContinued_EqualTheWholeTrainingBitForBit()
    {
        using Dataset two = RandomRows.Build(200, 12, 0.4, seed: 22), three = RandomRows.Build(200, 12, 0.6, seed: 23, classes: 3), real = RandomRows.Build(200, 12, 0.6, seed: 24, regression: true);
        (Dataset Data, TrainingOptions Options)[] ways =
        [
            (two, Options with { Optimizer = OptimizerKind.Sgd, LocalSteps = 10 }),
            (two, Options with { Optimizer = OptimizerKind.AdaGrad, LocalSteps = 10, Model = ModelKind.Svm }),
            (two, Options with { Optimizer = OptimizerKind.AdaGrad, Order = Learning.Batches.RowOrderKind.Sequential, Scaling = Learning.Preprocessing.ScalingKind.Standard }),
            (three, Options with { Model = ModelKind.Softmax }),
            (real, Options with { Model = ModelKind.Linear, Schedule = ScheduleKind.Cosine, Warmup = 7 }),
            (three, Options with { Model = ModelKind.Mlp, Hidden = [6, 5], BatchNorm = true, Dropout = 0.2, Batch = 16 }),
            (real, Options with { Model = ModelKind.Mlp, Hidden = [6], Activation = "tanh", Batch = 16, Optimizer = OptimizerKind.RmsProp }),
        ];
        foreach ((Dataset data, TrainingOptions options) in ways)
        {
            (float[] whole, float[] continued) = await BothAsync(data, options with { Exchange = ExchangeKind.Dense });
            Assert.Equal(whole, continued);
        }
    }

    [Fact]
    public async Task PatienceCutAnywhere_EndsWhereTheWholeTrainingDoes_WithItsBestModel()
    {
        using Dataset data = RandomRows.Build(150, 60, 0.3, seed: 26);
        TrainingOptions options = Options with { Model = ModelKind.Logistic, Optimizer = OptimizerKind.Sgd, Exchange = ExchangeKind.Dense, Schedule = ScheduleKind.Constant, LearningRate = 0.03, L2 = 1e-5, HeldOut = HoldOut.Share(0.4), Patience = 3, Epochs = 60 };
        TrainingResult whole = await SgdTrainer.TrainAsync(data, options);
        Assert.Equal(Stopping.EndReason.Patience, whole.EndedBy);
        Assert.InRange(whole.Epoch, 4, 56);
        for (int cut = whole.Epoch; cut < whole.Epoch + 3; cut++)
        {
            using var folder = new Folder();
            await SgdTrainer.TrainAsync(data, options with { Epochs = cut, Checkpoint = folder["state"] });
            TrainingResult continued = await SgdTrainer.TrainAsync(data, options with { Checkpoint = folder["state"] });
            Assert.Equal((whole.EndedBy, whole.Epoch, whole.EndedBecause), (continued.EndedBy, continued.Epoch, continued.EndedBecause));
            Assert.Equal(whole.Model.Weights.ToArray(), continued.Model.Weights.ToArray());
            Assert.Equal(whole.Model.Summary["epochs"], continued.Model.Summary["epochs"]);
        }
    }

    [Fact]
    public async Task ContinuedTraining_CountsOnFromWhereItWas_AndItsEndIsACheckpointToo()
    {
        using var folder = new Folder();
        using Dataset data = RandomRows.Build(200, 12, 0.4, seed: 26);
        var seen = new List<(int Epoch, long Steps)>();
        string? told = null;
        TrainingOptions options = Options with { Checkpoint = folder["state"], Progress = progress => seen.Add((progress.Epoch, progress.Steps)), Notice = sentence => told ??= sentence };
        await SgdTrainer.TrainAsync(data, options with { Epochs = 2, Schedule = ScheduleKind.Constant });
        told = null;
        TrainingResult result = await SgdTrainer.TrainAsync(data, options with { Epochs = 4, Schedule = ScheduleKind.Constant });
        Assert.Equal([1, 2, 3, 4], seen.Select(at => at.Epoch));
        Assert.Equal([1, 2, 3, 4], seen.Select(at => (int)(at.Steps / seen[0].Steps)));
        Assert.Equal((4, "goes on from"), (result.Epoch, told!.Contains("behind epoch 2 of 4", StringComparison.Ordinal) ? "goes on from" : told));
        TrainingException over = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options with { Epochs = 4, Schedule = ScheduleKind.Constant }));
        Assert.Contains("4 epochs", over.Message, StringComparison.Ordinal);
        Assert.Contains("--epochs 4", over.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CheckpointOfAnotherTraining_OrADamagedOne_IsRefusedBeforeAnythingIsDone_AndStaysAsItWas()
    {
        using var folder = new Folder();
        string path = folder["state"];
        using Dataset data = RandomRows.Build(200, 12, 0.4, seed: 27), other = RandomRows.Build(201, 12, 0.4, seed: 28);
        await InterruptAsync(data, Options with { Checkpoint = path });
        byte[] before = await File.ReadAllBytesAsync(path);
        (Dataset Data, TrainingOptions Options, string Says)[] ways =
        [
            (data, Options with { Optimizer = OptimizerKind.Adam }, "its optimizer is adagrad, that of this one adam"),
            (data, Options with { Seed = 9 }, "its seed is 1, that of this one 9"),
            (data, Options with { Model = ModelKind.Svm }, "its model is logistic, that of this one svm"),
            (data, Options with { Exchange = ExchangeKind.Sparse }, "its exchange is dense, that of this one sparse"),
            (data, Options with { Average = 0.5 }, "its average is none, that of this one kept"),
            (data, Options with { Model = ModelKind.Mlp, Hidden = [3] }, "its model is logistic, that of this one mlp"),
            (other, Options, "200 rows"),
        ];
        foreach ((Dataset rows, TrainingOptions options, string says) in ways)
        {
            TrainingException refused = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(rows, options with { Checkpoint = path }));
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
            Assert.Contains("delete it to begin anew", refused.Message, StringComparison.Ordinal);
        }
        Assert.Equal(before, await File.ReadAllBytesAsync(path));
        byte[] changed = [.. before];
        changed[^3] ^= 1;
        foreach (byte[] damaged in (byte[][])[before[..(before.Length / 2)], changed])
        {
            await File.WriteAllBytesAsync(path, damaged);
            TrainingException refused = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, Options with { Checkpoint = path }));
            Assert.Contains("delete it to begin anew", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Svrg_InterruptedBeforeOrBehindAFullGradient_GoesOnWithItsSnapshot_BitForBit()
    {
        using Dataset two = RandomRows.Build(200, 12, 0.4, seed: 29), real = RandomRows.Build(200, 12, 0.6, seed: 30, regression: true);
        foreach (int every in (int[])[1, 2, 3])
        {
            foreach (Dataset data in (Dataset[])[two, real])
            {
                TrainingOptions options = Options with { SnapshotEvery = every, Optimizer = OptimizerKind.Sgd, L2 = 1e-2 };
                (float[] whole, float[] continued) = await BothAsync(data, options);
                Assert.Equal(whole, continued);
                (whole, continued) = await BothAsync(data, options with { Shards = 3, Prefetch = 1, MemoryMax = 1 });
                Assert.Equal(whole, continued);
            }
        }
    }

    [Fact]
    public async Task Averages_InterruptedBeforeOrBehindTheirBeginning_GoOnWithTheirPushes_BitForBitWhereRangesAreExchanged()
    {
        using Dataset two = RandomRows.Build(200, 12, 0.4, seed: 31), three = RandomRows.Build(200, 12, 0.6, seed: 32, classes: 3);
        (Dataset Data, TrainingOptions Options)[] ways =
        [
            (two, Options with { Optimizer = OptimizerKind.Sgd, LocalSteps = 10, L1 = 1e-4 }),
            (two, Options with { Optimizer = OptimizerKind.Adam, Batch = 4 }),
            (three, Options with { Model = ModelKind.Softmax, Shards = 3 }),
        ];
        foreach ((Dataset data, TrainingOptions options) in ways)
        {
            float[] last = Parameters(await SgdTrainer.TrainAsync(data, options));
            foreach (double part in (double[])[0.2, 0.7])
            {
                (float[] whole, float[] continued) = await BothAsync(data, options with { Average = part });
                Assert.Equal(whole, continued);
                Assert.NotEqual(last, whole);
                (whole, continued) = await BothAsync(data, options with { Average = part, Exchange = ExchangeKind.Sparse });
                double tolerance = 1e-5 * whole.Max(Math.Abs);
                Assert.All(whole.Zip(continued), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance, $"{options.Rule}, {part}: {pair}"));
            }
        }
    }

    [Fact]
    public async Task Averages_ThatWouldBeginLaterInALongerTraining_BeginAnew()
    {
        using var folder = new Folder();
        using Dataset data = RandomRows.Build(200, 12, 0.4, seed: 33);
        TrainingOptions options = Options with { Average = 0.5, Schedule = ScheduleKind.Constant };
        await SgdTrainer.TrainAsync(data, options with { Epochs = 4, Checkpoint = folder["state"] });
        float[] continued = Parameters(await SgdTrainer.TrainAsync(data, options with { Epochs = 10, Checkpoint = folder["state"] }));
        Assert.Equal(Parameters(await SgdTrainer.TrainAsync(data, options with { Epochs = 10 })), continued);
    }

    private static TrainingOptions Options => new() { Threads = 1, Epochs = EpochsOfAll, Exchange = ExchangeKind.Dense };

    private static async Task<(float[] Whole, float[] Continued)> BothAsync(Dataset data, TrainingOptions options)
    {
        using var folder = new Folder();
        TrainingOptions kept = options with { Checkpoint = folder["state"] };
        float[] whole = Parameters(await SgdTrainer.TrainAsync(data, options));
        await InterruptAsync(data, kept);
        return (whole, Parameters(await SgdTrainer.TrainAsync(data, kept)));
    }

    // Ends it in the third epoch, as a signal would.
    private static async Task InterruptAsync(Dataset data, TrainingOptions options)
    {
        using var signal = new CancellationTokenSource();
        options = options with
        {
            Progress = progress =>
            {
                if (progress.Epoch == EpochsBeforeTheEnd + 1)
                    signal.Cancel();
            },
            SaveEvery = EpochsBeforeTheEnd,
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SgdTrainer.TrainAsync(data, options, signal.Token));
    }

    private static float[] Parameters(TrainingResult result) => [.. result.Model.Tables.SelectMany(table => result.Model.Parameters(table).ToArray())];
}
