using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer.Tests;

/// <summary>What is done to rows before training, and trainings that don't hold them in memory.</summary>
public sealed class PreparationTests : IDisposable
{
    private readonly TestKit.Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Preprocessing_IsKeptInTheModel_AndDoneAgainWhenPredicting()
    {
        using Dataset data = RandomRows.Build(800, 20, 0.5, seed: 1), test = RandomRows.Build(200, 20, 0.5, seed: 1);
        foreach (TrainingOptions options in (TrainingOptions[])
            [new() { NormalizeRows = true }, new() { Whiten = 12 }, new() { HashBits = 10 }, new() { NormalizeRows = true, Whiten = 20 }, new() { HashBits = 11, NormalizeRows = true }])
        {
            string path = _folder["m"];
            TrainingResult result = await SgdTrainer.TrainAsync(data, options with { Epochs = 10, Threads = 1, Test = test, Out = path });
            Assert.True(result.Train.Accuracy > 0.8, $"{options.HashBits} {options.NormalizeRows} {options.Whiten}: accuracy {result.Train.Accuracy}");
            TrainedModel loaded = TrainedModel.Load(path);
            Assert.Equal(result.Model.Preprocessing, loaded.Preprocessing);
            // Raw rows give what the prepared rows of the training gave.
            Assert.Equal(result.Test!.Loss, loaded.Evaluate(test).Loss, 1e-6);
            Assert.Equal(result.Train.Loss, loaded.Evaluate(data).Loss, 1e-6);
            Assert.Equal(200, loaded.Scores(test).Length);
        }
    }

    [Fact]
    public async Task Preprocessing_IsFittedOnTheTrainingRowsOnly()
    {
        using Dataset data = RandomRows.Build(400, 8, 0.9, seed: 2);
        TrainingOptions options = new() { Whiten = 8, Epochs = 1, Threads = 1, HeldOut = HoldOut.Share(0.3) };
        using Dataset train = RowSelection.Copy(data, RowSelection.Trained(data, [new RowRange(0, 400)], options.HeldOut, options.Seed));
        Assert.Equal(RowPreprocessing.Whitened(RowPreprocessing.None, train, 8), (await SgdTrainer.TrainAsync(data, options)).Model.Preprocessing);
    }

    [Fact]
    public async Task StreamedTraining_ReachesTheLossOfOneInMemory_WithEveryOrder()
    {
        using Dataset data = RandomRows.Build(4000, 60, 0.1, seed: 3);
        foreach (RowOrderKind order in Enum.GetValues<RowOrderKind>())
        {
            foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
            {
                TrainingOptions options = new() { Order = order, Exchange = exchange, Epochs = 15, Threads = 2 };
                TrainingResult gathered = await SgdTrainer.TrainAsync(data, options);
                Assert.True(gathered.Train.Accuracy > 0.95, $"{order}, {exchange}: accuracy {gathered.Train.Accuracy}");
                if (order == RowOrderKind.Interleaved)
                    continue;
                TrainingResult streamed = await SgdTrainer.TrainAsync(data, options with { MemoryMax = 1 });
                Assert.True(streamed.Job.Streams && !gathered.Job.Streams);
                Assert.True(Math.Abs(gathered.Train.Loss - streamed.Train.Loss) <= 0.01, $"{order}, {exchange}: {streamed.Train.Loss} streamed, {gathered.Train.Loss} in memory");
            }
        }
    }

    [Fact]
    public async Task SortedFile_OneThread_InterleavedLearnsWhatSequentialDoesNot()
    {
        using Dataset shuffled = RandomRows.Build(3000, 20, 0.4, seed: 4), data = RandomRows.SortedByLabel(shuffled);
        TrainingOptions options = new() { Model = ModelKind.Logistic, Epochs = 1, Threads = 1, LearningRate = 0.5, Schedule = ScheduleKind.Constant, Optimizer = OptimizerKind.Sgd };
        double sequential = (await SgdTrainer.TrainAsync(data, options with { Order = RowOrderKind.Sequential })).Train.Loss;
        double interleaved = (await SgdTrainer.TrainAsync(data, options with { Order = RowOrderKind.Interleaved })).Train.Loss;
        Assert.True(interleaved < 0.75 * sequential, $"{interleaved} interleaved, {sequential} in the file's order");
    }

    [Fact]
    public async Task Options_ThatMakeNoSenseForTheData_AreRefused()
    {
        using Dataset numbers = RandomRows.Build(50, 5, 0.5, seed: 5, regression: true), classes = RandomRows.Build(50, 5, 0.5, seed: 5);
        await Refused(numbers, new() { Order = RowOrderKind.Interleaved }, "--order interleaved needs rows of one class each");
        await Refused(numbers, new() { ClassWeight = "balanced" }, "--class-weight balanced is for rows that belong to one class each");
        await Refused(classes, new() { HashBits = 5, Whiten = 3 }, "give one of them");
        await Refused(classes, new() { Whiten = 9000 }, "--whiten is '9000'");
        await Refused(classes, new() { Order = RowOrderKind.Interleaved, MemoryMax = 1 }, "can't be streamed");
        await Refused(classes, new() { HeldOut = HoldOut.Share(0.5), Test = numbers }, "give one of them");
        TrainedModel model = (await SgdTrainer.TrainAsync(classes, new TrainingOptions { Epochs = 1, NormalizeRows = true })).Model;
        await Refused(classes, new() { Init = model, NormalizeRows = true }, "--normalize-rows can't be given with --init (logistic)");

        static async Task Refused(Dataset data, TrainingOptions options, string expected) =>
            Assert.Contains(expected, (await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options))).Message, StringComparison.Ordinal);
    }
}
