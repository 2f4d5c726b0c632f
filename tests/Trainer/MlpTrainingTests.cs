using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.TestKit;

namespace DistSgd.Trainer.Tests;

/// <summary>Multi-layer perceptrons through the training loop, embedded and over gRPC.</summary>
public sealed class MlpTrainingTests
{
    [Theory]
    [InlineData(8)]
    [InlineData(64)]
    public async Task Xor_OfFourRows_IsLearnedWithUsualStrengthRateAndEpochs(int hidden)
    {
        using var builder = new DatasetBuilder();
        foreach ((float label, float a, float b) in ((float, float, float)[])[(0, 0, 0), (1, 0, 1), (1, 1, 0), (0, 1, 1)])
            builder.Add(label, [0, 1], [a, b]);
        using Dataset rows = builder.Build();
        TrainingResult result = await SgdTrainer.TrainAsync(rows, new TrainingOptions { Model = ModelKind.Mlp, Hidden = [hidden] });
        Assert.True(result.Train.Accuracy == 1 && result.Train.Loss < 0.3, $"{result.Train.Accuracy}, loss {result.Train.Loss}");
    }

    [Fact]
    public void OverGrpc_NetworksArePulledAfterEachPush_UnlessToldOtherwise()
    {
        using Dataset rows = OracleCase.Data(ModelKind.Logistic, 60, 23, 0.3, seed: 4);
        var remote = new Deployment(1, 2, "remote");
        var network = new TrainingOptions { Model = ModelKind.Mlp, Hidden = [4] };
        Assert.Equal(0, TrainingPlan.Make(rows, network, remote, null).Job.Prefetch);
        Assert.Equal(1, TrainingPlan.Make(rows, network with { Prefetch = 1 }, remote, null).Job.Prefetch);
        Assert.Equal(1, TrainingPlan.Make(rows, new TrainingOptions { Model = ModelKind.Logistic }, remote, null).Job.Prefetch);
    }

    // Of the largest parameter: float32 against float64 over some dozens of steps.
    private const double Tolerance = 2e-4;

    [Fact]
    public async Task OneWorker_EqualsTheFloat64Oracle_EmbeddedAndOverGrpc()
    {
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(servers: 2);
        int number = 0;
        foreach ((LossKind loss, string activation, bool batchNorm) in ((LossKind, string, bool)[])[(LossKind.CrossEntropy, "tanh", false), (LossKind.WestonWatkins, "sigmoid", true), (LossKind.Logistic, "maxout:3", false), (LossKind.Squared, "elu", false)])
        {
            foreach (OptimizerKind optimizer in (OptimizerKind[])[OptimizerKind.Sgd, OptimizerKind.AdaGrad])
            {
                foreach (bool sparse in (bool[])[false, true])
                {
                    OracleCase way = Way(loss, activation, batchNorm, optimizer, sparse);
                    using Dataset data = OracleCase.Data(way.Model, 60, 23, 0.3, seed: 4);
                    TrainingJob job = way.Job(data) with { Name = $"mlp {++number}" };
                    InitialParameters initial = InitialParameters.OfNetwork(job);
                    float[] embedded = await way.EmbeddedAsync(data, initial: initial);
                    await using GrpcParameterClient client = await cluster.ActivateAsync(job, shards: 3);
                    float[] remote = await way.OverAsync(job, data, client, initial);
                    Assert.Equal("", way.Difference(embedded, remote));
                    double[] expected = MlpOracle.Train(job, data, way.Labels(), initial.Values);
                    AssertNear(job, expected, embedded, $"{way}");
                }
            }
        }
    }

    [Fact]
    public async Task SparseExchange_EqualsWholeRanges()
    {
        foreach (bool batchNorm in (bool[])[false, true])
        {
            OracleCase way = Way(LossKind.CrossEntropy, "relu", batchNorm, OptimizerKind.Sgd, sparse: false) with { L2 = 0 };
            using Dataset data = OracleCase.Data(way.Model, 60, 40, 0.1, seed: 5);
            InitialParameters initial = InitialParameters.OfNetwork(way.Job(data));
            Assert.Equal("", way.Difference(await way.EmbeddedAsync(data, initial: initial), await (way with { Sparse = true }).EmbeddedAsync(data, initial: initial)));
        }
    }

    [Fact]
    public async Task RunningStatistics_FollowTheMiniBatches_WhateverTheRule_WithOneWorkerAndTwo()
    {
        using Dataset data = RandomRows.Build(2_000, 10, 1, seed: 3, classes: 3);
        var options = new TrainingOptions { Model = ModelKind.Mlp, Hidden = [8], BatchNorm = true, Epochs = 20, Batch = 100, Scaling = ScalingKind.Off, LearningRate = 1e-6 };
        // Bounds on gradients and compensation for delay are for parameters: changes of statistics, which travel among them, stay what they are.
        TrainingOptions[] ways = [options, options with { ClipValue = 1e-6, ClipNorm = 1e-6 }, options with { DelayCompensation = 0.5 }];
        foreach (TrainingOptions way in ways)
            await StatisticsFollowAsync(data, way);
    }

    private static async Task StatisticsFollowAsync(Dataset data, TrainingOptions options)
    {
        double[][] variances = [.. await Task.WhenAll(((int[])[1, 2]).Select(async threads =>
        {
            TrainedModel model = (await SgdTrainer.TrainAsync(data, options with { Threads = threads })).Model;
            return model.Parameters(model.Tables.First(table => table.Name == "layer1.running_variance")).ToArray().Select(value => (double)value).ToArray();
        }))];
        // Weights hardly move at this rate, and variances that were stepped on would stay at 1; both averages are near the variance over all rows.
        Assert.All(variances[0].Zip(variances[1]), pair => Assert.InRange(pair.Second / pair.First, 0.6, 1.6));
        Assert.All(variances[0].Concat(variances[1]), variance => Assert.NotInRange(variance, 0.98, 1.02));
    }

    [Fact]
    public async Task Defaults_LearnWhatNoLinearModelDoes_ClassesAndTargets()
    {
        using Dataset circles = Circles(rows: 4_000, targets: false), heights = Circles(rows: 4_000, targets: true);
        TrainingResult classes = await SgdTrainer.TrainAsync(circles, new TrainingOptions { Model = ModelKind.Mlp, Hidden = [32], Epochs = 60 });
        Assert.True(classes.Train.Accuracy > 0.97, $"accuracy {classes.Train.Accuracy}");
        TrainingResult targets = await SgdTrainer.TrainAsync(heights, new TrainingOptions { Model = ModelKind.Mlp, Hidden = [32], Epochs = 60, Loss = LossKind.Squared });
        Assert.True(targets.Train.RSquared > 0.98, $"R2 {targets.Train.RSquared}");
    }

    [Fact]
    public async Task Model_OfScaledColumnsAndTargets_SavedAndLoaded_PredictsTheSame()
    {
        using var folder = new Folder();
        using Dataset data = Circles(rows: 500, targets: true);
        foreach (bool batchNorm in (bool[])[false, true])
        {
            TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { Model = ModelKind.Mlp, Hidden = [16, 8], BatchNorm = batchNorm, Epochs = 5, Out = folder["m"], Threads = 1 });
            Assert.NotNull(result.Job.Scaling);
            Assert.NotNull(result.Job.Targets);
            Assert.Equal(result.Model.Scores(data), TrainedModel.Load(folder["m"]).Scores(data));
        }
    }

    [Fact]
    public async Task Augmentation_OfRowsThatAreNoImages_AndImpossibleNetworks_AreRefusedByNameAndValue()
    {
        using Dataset data = Circles(rows: 100, targets: false);
        var mlp = new TrainingOptions { Model = ModelKind.Mlp };
        (TrainingOptions Options, string[] Parts)[] ways =
        [
            (mlp with { Augment = "flip,shift:1" }, ["--augment flip,shift:1", "images"]),
            (mlp with { Augment = "spin" }, ["--augment is 'spin'"]),
            (mlp with { Dropout = 1 }, ["--dropout is '1'", "below 1"]),
            (mlp with { Hidden = [0] }, ["--hidden", "0 units"]),
            (mlp with { Hidden = [16_000], Activation = "maxout:2" }, ["--hidden", "16000 units of 2 pieces"]),
            (mlp with { Activation = "relu:2" }, ["--activation is 'relu:2'"]),
            (mlp with { LocalSteps = 5, Optimizer = OptimizerKind.AdaGrad }, ["--local-steps 5", "--model mlp"]),
            (mlp with { MaxNorm = 3, Optimizer = OptimizerKind.Sgd }, ["--max-norm 3", "--model mlp"]),
            (mlp with { Loss = LossKind.Hinge }, ["--loss hinge", "--model mlp", "cross-entropy"]),
            (new TrainingOptions { Hidden = [64, 32] }, ["--hidden 64,32", "--model mlp"]),
            (new TrainingOptions { Model = ModelKind.Logistic, Dropout = 0.5 }, ["--dropout 0.5", "--model mlp"]),
            (new TrainingOptions { Model = ModelKind.Svm, BatchNorm = true }, ["--batch-norm", "--model mlp"]),
            (new TrainingOptions { InitWeights = WeightInit.Lecun }, ["--init-weights lecun", "--model mlp"]),
        ];
        foreach ((TrainingOptions options, string[] parts) in ways)
        {
            TrainingException refused = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options));
            Assert.All(parts, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task WeightsOfZero_AreWarnedOf_AndKeepUnitsEqual()
    {
        using Dataset data = Circles(rows: 200, targets: false);
        var said = new List<string>();
        var options = new TrainingOptions { Model = ModelKind.Mlp, Hidden = [4], Epochs = 2, Threads = 1, Notice = said.Add };
        await SgdTrainer.TrainAsync(data, options);
        Assert.DoesNotContain(said, sentence => sentence.Contains("--init-weights zeros", StringComparison.Ordinal));
        TrainedModel model = (await SgdTrainer.TrainAsync(data, options with { InitWeights = WeightInit.Zeros })).Model;
        Assert.Contains(said, sentence => sentence.Contains("--init-weights zeros", StringComparison.Ordinal) && sentence.Contains("stay equal", StringComparison.Ordinal));
        Assert.Single(model.Parameters(model.Tables.First(table => table.Name == "layer2.weights")).ToArray().Distinct());
    }

    [Fact]
    public async Task Divergence_NamesTheStep_AndWhatToChange()
    {
        using Dataset data = Circles(rows: 500, targets: true);
        TrainingException diverged = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, new TrainingOptions { Model = ModelKind.Mlp, Optimizer = OptimizerKind.Sgd, LearningRate = 1e20, Epochs = 3, Threads = 1 }));
        Assert.Contains("steps from ", diverged.Message, StringComparison.Ordinal);
        Assert.Contains("--learning-rate below", diverged.Message, StringComparison.Ordinal);
    }

    private static OracleCase Way(LossKind loss, string activation, bool batchNorm, OptimizerKind optimizer, bool sparse)
    {
        MlpSpec network = new MlpSpec { Layers = [18, 6], BatchNorm = batchNorm }.WithActivation(activation);
        ModelSpec model = ModelSpec.Of(ModelKind.Mlp, loss, loss is LossKind.CrossEntropy or LossKind.WestonWatkins ? OracleCase.Classes : 1) with { Network = network };
        return new OracleCase(model, optimizer, sparse, 8, 0, 0, 0.01, 3);
    }

    private static void AssertNear(TrainingJob job, double[] expected, float[] actual, string what)
    {
        foreach (LayoutTable table in job.Layout.Tables.Where(table => !table.IsAveraged))
        {
            int first = (int)table.FirstKey * job.Width;
            double largest = Enumerable.Range(first, (int)table.Count).Max(i => Math.Abs(expected[i]));
            double error = Enumerable.Range(first, (int)table.Count).Max(i => Math.Abs(expected[i] - actual[i]));
            Assert.True(error <= Tolerance * Math.Max(largest, 0.1), $"{what}, {table.Name}: {error:G3} from the oracle's, the largest of which is {largest:G3}");
        }
    }

    // Inside or outside of a circle; or the height of a bowl, in large units and off 0. Columns of very different size.
    private static Dataset Circles(int rows, bool targets)
    {
        var random = new Random(6);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            double x = random.NextDouble() * 2 - 1, y = random.NextDouble() * 2 - 1;
            double square = x * x + y * y;
            builder.Add(targets ? (float)(500 + 1000 * square) : square < 0.6 ? 1 : 0, [0, 1], [(float)(30 + 100 * x), (float)(0.01 * y)]);
        }
        return builder.Build();
    }
}
