using DistSgd.Learning.Data;
using DistSgd.Learning.Generators;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.TestKit;

namespace DistSgd.Trainer.Tests;

public sealed class EmbeddedTrainingTests
{
    [Fact]
    public async Task Defaults_OnGeneratedData_LearnWithEveryModelAndRule()
    {
        foreach (ModelKind model in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm])
        {
            using Dataset data = RandomRows.Build(2_000, 40, 0.2, seed: 1, regression: model == ModelKind.Linear);
            foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
            {
                // AdaDelta's first steps are a thousandth long, whatever the data, and AdamW's rate is small.
                int epochs = optimizer is OptimizerKind.AdaDelta or OptimizerKind.AdamW ? 150 : 20;
                var losses = new List<double>();
                TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { Model = model, Optimizer = optimizer, Epochs = epochs, Threads = 1, Progress = progress => losses.Add(progress.TrainLoss) });
                Assert.Equal(epochs, losses.Count);
                Assert.True(losses[^1] < 0.75 * losses[0], $"{model}, {optimizer}: from {losses[0]} to {losses[^1]}");
                if (model == ModelKind.Linear)
                    Assert.True(result.Train.Rmse < 0.1, $"{optimizer}: RMSE {result.Train.Rmse}");
                else
                    Assert.True(result.Train.Accuracy > 0.95, $"{model}, {optimizer}: accuracy {result.Train.Accuracy}");
            }
        }
    }

    [PeerFact("data:a9a/a9a.train.gz", "data:a9a/a9a.test.gz")]
    public async Task Defaults_OfEveryRule_ComeWithin0_01OfTheTunedAccuracyOnA9a()
    {
        const double Tuned = 0.8505;
        string folder = Path.Combine(Environment.GetEnvironmentVariable("DISTSGD_DATA")!, "a9a");
        using Dataset data = Dataset.Open(Path.Combine(folder, "a9a.train.gz")), test = Dataset.Open(Path.Combine(folder, "a9a.test.gz"));
        foreach (RuleForm form in UpdateRules.All)
        {
            TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { Optimizer = form.Kind, Test = test });
            Assert.True(result.Test!.Accuracy > Tuned - 0.01, $"{form.Facts.Name}: {result.Test.Accuracy}");
        }
    }

    [Fact]
    public async Task TwoThreads_ReachTheLossOfOne()
    {
        foreach (ModelKind model in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm])
        {
            using Dataset data = RandomRows.Build(4_000, 60, 0.1, seed: 2, regression: model == ModelKind.Linear);
            foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
            {
                foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
                {
                    var options = new TrainingOptions { Model = model, Optimizer = optimizer, Exchange = exchange, Epochs = 20, Threads = 1 };
                    double one = (await SgdTrainer.TrainAsync(data, options)).Train.Loss;
                    double two = (await SgdTrainer.TrainAsync(data, options with { Threads = 2 })).Train.Loss;
                    // AdamW's rate is small: after 20 epochs it is still on its way.
                    Assert.True(Math.Abs(one - two) <= (optimizer == OptimizerKind.AdamW ? 0.01 : 0.005), $"{model}, {optimizer}, {exchange}: {two} with two threads, {one} with one");
                }
            }
        }
    }

    [Fact]
    public async Task OneEpochOfAdaGrad_TwoThreads_ReachAlmostTheLossOfOne()
    {
        using var rows = new DatasetBuilder();
        new ClicksGenerator(3000, 5).Generate(60_000, rows, default);
        using Dataset data = rows.Build();
        var options = new TrainingOptions { Epochs = 1, Threads = 1 };
        double one = (await SgdTrainer.TrainAsync(data, options)).Train.Loss;
        double two = (await SgdTrainer.TrainAsync(data, options with { Threads = 2 })).Train.Loss;
        Assert.True(two <= one + 0.02, $"{two} with two threads, {one} with one");
    }

    [Fact]
    public async Task DataSortedByLabel_SeveralThreads_LearnAsFromShuffledData()
    {
        using Dataset shuffled = RandomRows.Build(4_000, 60, 0.1, seed: 2);
        using Dataset sorted = RandomRows.SortedByLabel(shuffled);
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            var options = new TrainingOptions { Optimizer = optimizer, Epochs = 20, Threads = 4 };
            double expected = (await SgdTrainer.TrainAsync(shuffled, options)).Train.Loss;
            double actual = (await SgdTrainer.TrainAsync(sorted, options)).Train.Loss;
            Assert.True(Math.Abs(actual - expected) <= 0.01, $"{optimizer}: {actual} sorted, {expected} shuffled");
        }
    }

    [Fact]
    public async Task SameSeed_OneThread_GivesTheSameBits_AndAnotherSeedOthers()
    {
        using Dataset data = RandomRows.Build(300, 30, 0.2, seed: 3);
        var options = new TrainingOptions { Threads = 1, Epochs = 3, Seed = 9 };
        float[] first = (await SgdTrainer.TrainAsync(data, options)).Model.Weights.ToArray();
        Assert.Equal(first, (await SgdTrainer.TrainAsync(data, options)).Model.Weights.ToArray());
        Assert.NotEqual(first, (await SgdTrainer.TrainAsync(data, options with { Seed = 10 })).Model.Weights.ToArray());
    }

    [Fact]
    public async Task Prefetch_OneThreadAndLocalSteps_GivesTheBitsOfNoPrefetch()
    {
        using Dataset data = RandomRows.Build(300, 30, 0.2, seed: 4);
        foreach (OptimizerKind optimizer in UpdateRules.All.Where(rule => rule.Facts.IsAdditive).Select(rule => rule.Kind))
        {
            var options = new TrainingOptions { Optimizer = optimizer, Threads = 1, Epochs = 3, LocalSteps = 8, L2 = 0, Scaling = ScalingKind.Off };
            float[] without = (await SgdTrainer.TrainAsync(data, options with { Prefetch = 0 })).Model.Weights.ToArray();
            Assert.Equal(without, (await SgdTrainer.TrainAsync(data, options with { Prefetch = 1 })).Model.Weights.ToArray());
        }
    }

    [Fact]
    public async Task Scaling_TrainsOnTheScaledRows_AndGivesTheModelInTheDatasUnits()
    {
        using Dataset data = RandomRows.Build(200, 12, 0.9, seed: 5);
        var options = new TrainingOptions { Model = ModelKind.Logistic, Threads = 1, Epochs = 4, Scaling = ScalingKind.On, LocalSteps = 4, Exchange = ExchangeKind.Dense, LearningRate = 0.3, L2 = 0.01 };
        TrainingResult scaled = await SgdTrainer.TrainAsync(data, options);
        FeatureScaling scaling = scaled.Job.Scaling!;
        using Dataset transformed = Transform(data, scaling);
        TrainingResult plain = await SgdTrainer.TrainAsync(transformed, options with { Scaling = ScalingKind.Off });
        float[] expected = [.. plain.Model.Weights, plain.Model.Bias];
        scaling.ToOriginal(expected);
        Assert.Equal(expected, (float[])[.. scaled.Model.Weights, scaled.Model.Bias]);
        float[] scores = scaled.Model.Scores(data), twins = plain.Model.Scores(transformed);
        Assert.All(scores.Zip(twins), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Fact]
    public async Task Labels_OfAnyTwoValues_AreMappedTheSmallerToMinusOne()
    {
        using Dataset data = Relabel(RandomRows.Build(200, 12, 0.4, seed: 6), label => label < 0 ? 3 : 7);
        TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { Threads = 1, Epochs = 20 });
        Assert.Equal((ModelKind.Logistic, 3f, 7f), (result.Model.Kind, result.Model.Labels.Negative, result.Model.Labels.Positive));
        Assert.True(result.Train.Accuracy > 0.9);
    }

    [Fact]
    public async Task Labels_ThatAreRealTargets_MeanLinear_AndDoNotFitAClassifier()
    {
        using Dataset data = RandomRows.Build(200, 12, 0.4, seed: 7, regression: true);
        Assert.Equal(ModelKind.Linear, (await SgdTrainer.TrainAsync(data, new TrainingOptions { Threads = 1, Epochs = 2 })).Model.Kind);
        await Assert.ThrowsAsync<LabelException>(() => SgdTrainer.TrainAsync(data, new TrainingOptions { Model = ModelKind.Svm, Threads = 1 }));
    }

    [Fact]
    public async Task Labels_OfTheTestSetThatTrainingNeverSaw_AreRefused()
    {
        using Dataset data = RandomRows.Build(100, 12, 0.4, seed: 8);
        using Dataset test = Relabel(RandomRows.Build(10, 12, 0.4, seed: 8), _ => 5);
        LabelException refused = await Assert.ThrowsAsync<LabelException>(() => SgdTrainer.TrainAsync(data, new TrainingOptions { Threads = 1, Epochs = 1, Test = test }));
        Assert.Contains("5", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_OutOfRange_AreRefusedByNameBeforeAnyWork()
    {
        using Dataset data = RandomRows.Build(20, 12, 0.4, seed: 9);
        (string Says, TrainingOptions Options)[] wrong =
        [
            ("--epochs is '0'", new TrainingOptions { Epochs = 0 }),
            ("--batch is '0'", new TrainingOptions { Batch = 0 }),
            ("--local-steps is '-1'", new TrainingOptions { LocalSteps = -1 }),
            ("--local-steps 65536", new TrainingOptions { LocalSteps = 65_536, Batch = 65_536 }),
            ("--prefetch is '2'", new TrainingOptions { Prefetch = 2 }),
            ("--shards is '0'", new TrainingOptions { Shards = 0 }),
            ("--threads is '0'", new TrainingOptions { Threads = 0 }),
            ("--threads is '5000'", new TrainingOptions { Threads = 5_000 }),
            ("21 threads for 20 rows", new TrainingOptions { Threads = 21 }),
            ("--save-every is '-1'", new TrainingOptions { SaveEvery = -1 }),
            ("without --out", new TrainingOptions { SaveEvery = 1 }),
            ("--learning-rate is '0'", new TrainingOptions { LearningRate = 0 }),
            ("--learning-rate is 'NaN'", new TrainingOptions { LearningRate = double.NaN }),
            ("--l1 is '-1'", new TrainingOptions { L1 = -1 }),
            ("--l2 is 'Infinity'", new TrainingOptions { L2 = double.PositiveInfinity }),
            ("--decay is '-2'", new TrainingOptions { Decay = -2 }),
        ];
        foreach ((string says, TrainingOptions options) in wrong)
        {
            TrainingException refused = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options with { Progress = _ => Assert.Fail("work was done") }));
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Divergence_IsReportedWithTheLearningRate()
    {
        using Dataset data = RandomRows.Build(400, 12, 0.9, seed: 10, regression: true);
        foreach (int threads in (int[])[1, 2])
        {
            TrainingException diverged = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(
                data, new TrainingOptions { Optimizer = OptimizerKind.Sgd, LearningRate = 1e10, Threads = threads, Epochs = 30, Scaling = ScalingKind.Off }));
            Assert.Contains("diverged", diverged.Message, StringComparison.Ordinal);
            Assert.Contains(" step", diverged.Message, StringComparison.Ordinal);
            Assert.Contains("--learning-rate", diverged.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ALossFarBeyondAnyConstantPrediction_EndsTheTrainingWithEpochAndStep_BeforeAnythingIsInfinite()
    {
        using Dataset data = RandomRows.Build(400, 12, 0.9, seed: 10, regression: true);
        var seen = new List<string>();
        for (double rate = 0.5; rate < 8; rate *= 1.1)
        {
            var options = new TrainingOptions { Optimizer = OptimizerKind.Sgd, LearningRate = rate, Schedule = ScheduleKind.Constant, Threads = 1, Epochs = 20, LocalSteps = 1, Scaling = ScalingKind.Off };
            if (await Record.ExceptionAsync(() => SgdTrainer.TrainAsync(data, options)) is TrainingException diverged)
                seen.Add(diverged.Message);
        }
        Assert.Contains(seen, message => message.Contains(" epoch (400 steps) the loss is ", StringComparison.Ordinal) && message.Contains("Give a --learning-rate below", StringComparison.Ordinal));
        Assert.Contains(seen, message => message.Contains("NaN or infinite values in the steps from ", StringComparison.Ordinal) && message.Contains("Give a --learning-rate below", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Cancellation_BetweenEpochs_EndsTheTraining()
    {
        using Dataset data = RandomRows.Build(400, 12, 0.4, seed: 11);
        foreach (int threads in (int[])[1, 2])
        {
            using var cancel = new CancellationTokenSource();
            int epochs = 0;
            var options = new TrainingOptions { Threads = threads, Epochs = 100_000, Progress = _ => { epochs++; cancel.Cancel(); } };
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SgdTrainer.TrainAsync(data, options, cancel.Token));
            Assert.Equal(1, epochs);
        }
    }

    [Fact]
    public async Task FailureInOneThread_EndsTheOthersAndIsWhatIsThrown()
    {
        using Dataset data = RandomRows.Build(400, 12, 0.4, seed: 12);
        var options = new TrainingOptions { Threads = 4, Epochs = 100_000, Progress = progress => { if (progress.Epoch == 3) throw new InvalidDataException("mine"); } };
        InvalidDataException failure = await Assert.ThrowsAsync<InvalidDataException>(() => SgdTrainer.TrainAsync(data, options));
        Assert.Equal("mine", failure.Message);
    }

    [Fact]
    public async Task Model_SavedEachEpochAndAtTheEnd_ScoresAsTheReturnedOne()
    {
        using Dataset data = RandomRows.Build(100, 12, 0.4, seed: 13);
        string path = Path.Combine(Path.GetTempPath(), $"distsgd-test-{Guid.NewGuid():N}.safetensors");
        try
        {
            var saved = new List<bool>();
            var options = new TrainingOptions { Threads = 1, Epochs = 4, Out = path, SaveEvery = 2, Progress = _ => saved.Add(File.Exists(path)) };
            TrainingResult result = await SgdTrainer.TrainAsync(data, options);
            Assert.Equal((bool[])[false, true, true, true], saved);
            TrainedModel loaded = TrainedModel.Load(path);
            Assert.Equal(result.Model.Scores(data), loaded.Scores(data));
            Assert.Equal(result.Train with { Classes = [] }, loaded.Evaluate(data) with { Classes = [] });
            Assert.Equal(result.Train.Classes, loaded.Evaluate(data).Classes);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Staleness_OfOneThread_IsZero_AndBytesAreCounted()
    {
        using Dataset data = RandomRows.Build(100, 12, 0.4, seed: 14);
        TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { Threads = 1, Prefetch = 0, Epochs = 2, LocalSteps = 10, Exchange = ExchangeKind.Dense, Optimizer = OptimizerKind.Sgd });
        Assert.Equal((0, 0), (result.StalenessP50, result.StalenessP99));
        // 20 pushes and 20 pulls of all 13 keys.
        Assert.Equal((20 * 13 * 4, 20 * 13 * 4), (result.BytesPushed, result.BytesPulled));
    }

    private static Dataset Relabel(Dataset data, Func<float, float> label)
    {
        using (data)
        {
            using var builder = new DatasetBuilder();
            for (long row = 0; row < data.RowCount; row++)
                builder.Add(label(data.Row(row).Label), data.Row(row).Indices, data.Row(row).Values);
            return builder.Build();
        }
    }

    private static Dataset Transform(Dataset data, FeatureScaling scaling)
    {
        using var builder = new DatasetBuilder();
        var transform = new RowTransform(scaling);
        for (long row = 0; row < data.RowCount; row++)
        {
            transform.Apply(data.Row(row).Indices, data.Row(row).Values);
            builder.Add(data.Row(row).Label, transform.Indices, transform.Values);
        }
        return builder.Build();
    }
}
