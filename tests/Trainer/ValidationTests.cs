using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.TestKit;

namespace DistSgd.Trainer.Tests;

/// <summary>Rows that are held out, folds, and trainings that begin from a model.</summary>
public sealed class ValidationTests
{
    [Fact]
    public async Task RowsHeldOut_AreNotLearnedFrom_AndAreEvaluatedEachEpoch()
    {
        using Dataset data = RandomRows.Build(1000, 20, 0.3, seed: 1);
        var tests = new List<long>();
        TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { HeldOut = HoldOut.Share(0.2), Epochs = 3, Threads = 2, Progress = progress => tests.Add(progress.Test!.Rows) });
        Assert.Equal(1000, result.Train.Rows + result.Test!.Rows);
        Assert.InRange(result.Test.Rows, 150, 250);
        Assert.Equal([result.Test.Rows, result.Test.Rows, result.Test.Rows], tests);
        // The same training with the rows cut beforehand.
        RowRange[] all = [new RowRange(0, 1000)];
        using Dataset train = RowSelection.Copy(data, RowSelection.Trained(data, all, HoldOut.Share(0.2), 1));
        TrainingResult cut = await SgdTrainer.TrainAsync(train, new TrainingOptions { Epochs = 3, Threads = 1 }), held = await SgdTrainer.TrainAsync(data, new TrainingOptions { HeldOut = HoldOut.Share(0.2), Epochs = 3, Threads = 1 });
        Assert.Equal(cut.Model.Weights.ToArray(), held.Model.Weights.ToArray());
        TrainingResult other = await SgdTrainer.TrainAsync(data, new TrainingOptions { HeldOut = HoldOut.Share(0.2), Epochs = 1, Seed = 2 });
        Assert.NotEqual(result.Test.Rows, other.Test!.Rows);
    }

    [Fact]
    public async Task MissingNumbers_OfRowsLearnedFromAndHeldOut_AreTheMeanOfThoseLearnedFrom()
    {
        using var folder = new Folder();
        string path = folder.Write("d.csv", "a,b,y\n" + string.Concat(Enumerable.Range(0, 200).Select(row => $"{(row % 4 == 0 ? "" : row)},{row % 7},{row % 2}\n")));
        using Dataset data = Dataset.Open(path);
        (HoldOut heldOut, ulong seed) = (HoldOut.Share(0.3), 5);
        RowRange[] all = [new RowRange(0, 200)], trained = RowSelection.Trained(data, all, heldOut, seed);
        double mean = trained.SelectMany(range => Enumerable.Range((int)range.Start, (int)range.Count)).Where(row => row % 4 != 0).Average();
        TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { HeldOut = heldOut, Seed = seed, Epochs = 2 });
        Assert.NotEqual((float)mean, data.Layout!.Columns[0].Mean);
        Assert.Equal((float)mean, result.Model.Layout!.Columns[0].Mean);
        (Dataset learned, Dataset held) = RowSelection.Split(data, trained, RowSelection.Where(all, row => heldOut.Holds(seed, data, row)));
        using (learned)
        using (held)
        {
            foreach (Dataset part in (Dataset[])[learned, held])
            {
                float[] filled = [.. Enumerable.Range(0, (int)part.RowCount).Where(row => part.Row(row).Indices.Contains(2u)).Select(row => part.Row(row).Values[0])];
                Assert.NotEmpty(filled);
                Assert.All(filled, value => Assert.Equal((float)mean, value));
            }
        }
    }

    [Fact]
    public void Folds_AreAllRows_EachOnce_AndKeepQueriesTogether()
    {
        using Dataset data = RandomRows.Build(500, 5, 0.5, seed: 2);
        Assert.All(Enumerable.Range(0, 500), row => Assert.Single(Enumerable.Range(0, 7), fold => HoldOut.Fold(fold, 7).Holds(9, data, row)));
        using var rows = new DatasetBuilder();
        for (int i = 0; i < 300; i++)
            rows.Add(i % 3, i / 6, [0], [i]);
        using Dataset queries = rows.Build();
        Assert.All(Enumerable.Range(0, 300), row => Assert.Equal(HoldOut.Fold(0, 3).Holds(1, queries, row / 6 * 6), HoldOut.Fold(0, 3).Holds(1, queries, row)));
    }

    [Fact]
    public async Task CrossValidation_GivesEachFoldAndTheirSpread()
    {
        using Dataset data = RandomRows.Build(600, 20, 0.3, seed: 3);
        var told = new List<int>();
        IReadOnlyList<TrainingResult> folds = await CrossValidation.RunAsync(data, new TrainingOptions { Epochs = 10, Threads = 1 }, 5, done: (fold, _) => told.Add(fold));
        Assert.Equal([1, 2, 3, 4, 5], told);
        Assert.Equal(600, folds.Sum(fold => fold.Test!.Rows));
        (double mean, double deviation) = CrossValidation.Spread(folds, e => e.Accuracy)!.Value;
        double[] each = [.. folds.Select(fold => fold.Test!.Accuracy!.Value)];
        Assert.Equal(each.Average(), mean, 1e-12);
        Assert.Equal(Math.Sqrt(each.Sum(one => (one - mean) * (one - mean)) / 4), deviation, 1e-12);
        Assert.True(mean > 0.9, $"accuracy {mean}");
        Assert.Null(CrossValidation.Spread(folds, e => e.Rmse));
        await Assert.ThrowsAsync<TrainingException>(() => CrossValidation.RunAsync(data, new TrainingOptions(), 1));
    }

    [Theory]
    [InlineData(ModelKind.Logistic)]
    [InlineData(ModelKind.Linear)]
    [InlineData(ModelKind.Softmax)]
    public async Task BegunFromAModel_ATrainingIsAtOnceWhereTheModelWas(ModelKind kind)
    {
        using Dataset data = OracleCase.Data(ModelSpec.Of(kind), 1500, 20, 0.3, seed: 4);
        foreach (Learning.Preprocessing.ScalingKind scaling in (Learning.Preprocessing.ScalingKind[])[Learning.Preprocessing.ScalingKind.Off, Learning.Preprocessing.ScalingKind.On])
        {
            foreach (Learning.Optimizers.OptimizerKind optimizer in (Learning.Optimizers.OptimizerKind[])[Learning.Optimizers.OptimizerKind.AdaGrad, Learning.Optimizers.OptimizerKind.Sgd])
            {
                TrainingOptions options = new() { Model = kind, Epochs = 30, Threads = 1, Scaling = scaling, Optimizer = optimizer };
                TrainingResult first = await SgdTrainer.TrainAsync(data, options);
                double cold = (await SgdTrainer.TrainAsync(data, options with { Epochs = 1 })).Train.Loss, warm = (await SgdTrainer.TrainAsync(data, options with { Epochs = 1, Init = first.Model, Model = null })).Train.Loss;
                Assert.True(warm < first.Train.Loss + 0.2 * (cold - first.Train.Loss) + 1e-4, $"{kind}, {scaling}, {optimizer}: {warm} after one epoch from a model of {first.Train.Loss}; {cold} from nothing");
                Assert.Equal(scaling == Learning.Preprocessing.ScalingKind.On, first.Model.Scaling is not null);
            }
        }
    }

    [Fact]
    public async Task BegunFromAModel_FeaturesMayGrow_AndWhatDoesNotAgreeIsRefused()
    {
        using Dataset small = RandomRows.Build(300, 10, 0.4, seed: 5), large = RandomRows.Build(300, 25, 0.4, seed: 6);
        TrainingOptions options = new() { Model = ModelKind.Logistic, Epochs = 3, Threads = 1, Scaling = Learning.Preprocessing.ScalingKind.On };
        TrainedModel model = (await SgdTrainer.TrainAsync(small, options)).Model;
        Assert.Equal(25, (await SgdTrainer.TrainAsync(large, options with { Init = model })).Model.FeatureCount);
        Assert.Equal(25, (await SgdTrainer.TrainAsync(small, options with { Init = (await SgdTrainer.TrainAsync(large, options)).Model })).Model.FeatureCount);
        var kind = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(small, options with { Model = ModelKind.Svm, Init = model }));
        Assert.Contains("--init is a model of kind logistic", kind.Message, StringComparison.Ordinal);
        (TrainingOptions Options, string Says)[] kept =
        [
            (new() { Loss = LossKind.Hinge }, "--loss hinge doesn't go with --model logistic"),
            (new() { Whiten = 2 }, "--whiten 2 can't be given with --init (logistic)"),
            (new() { HashBits = 5 }, "--hash-bits 5 can't be given with --init (logistic)"),
            (new() { Scaling = Learning.Preprocessing.ScalingKind.Range }, "--scale range has no effect with --init (logistic)"),
        ];
        Assert.All(kept, way => Assert.Contains(way.Says, OptionCheck.Refusal(way.Options with { Init = model }, null) ?? "", StringComparison.Ordinal));
        Assert.Null(OptionCheck.Refusal(new() { Init = model, Scaling = Learning.Preprocessing.ScalingKind.Off }, null));
        using var others = new DatasetBuilder();
        for (int i = 0; i < 20; i++)
            others.Add(i % 2 + 5, [0], [i]);
        using Dataset relabelled = others.Build();
        await Assert.ThrowsAsync<LabelException>(() => SgdTrainer.TrainAsync(relabelled, options with { Init = model }));
        using var folder = new TestKit.Folder();
        using Dataset file = Dataset.Open(folder.Write("d", "5 1:1\n6 1:2\n"));
        var unknown = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(file, options with { Init = model }));
        Assert.Contains("--init numbers features from 0, the data from 1; give --index-base zero", unknown.Message, StringComparison.Ordinal);
    }
}
