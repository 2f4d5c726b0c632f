using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer.Tests;

/// <summary>Trainings of networks that begin from a network.</summary>
public sealed class NetworkWarmStartTests
{
    // A rate at which no parameter moves by more than rounding.
    private const double Still = 1e-12;

    [Fact]
    public async Task BegunFromANetwork_AtNoRate_PredictsWhatThatOneDid_WhateverIsScaledOrNormalised()
    {
        foreach (LossKind loss in (LossKind[])[LossKind.CrossEntropy, LossKind.Squared])
        {
            using Dataset data = OracleCase.Data(ModelSpec.Of(ModelKind.Mlp, loss), 400, 12, 0.7, seed: 4);
            foreach ((ScalingKind scaling, bool batchNorm) in ((ScalingKind, bool)[])[(ScalingKind.Off, false), (ScalingKind.On, false), (ScalingKind.On, true)])
            {
                var options = new TrainingOptions { Model = ModelKind.Mlp, Loss = loss, Hidden = [9, 5], BatchNorm = batchNorm, Scaling = scaling, Epochs = 5, Threads = 1, L2 = 0 };
                TrainedModel first = (await SgdTrainer.TrainAsync(data, options)).Model;
                TrainingOptions further = new() { Init = first, Scaling = scaling, Epochs = 1, Threads = 1, L2 = 0, LearningRate = Still, StepsMax = batchNorm ? 1 : null };
                TrainingResult second = await SgdTrainer.TrainAsync(data, further);
                Assert.Equal(first.Spec, second.Model.Spec);
                // Running statistics move by a tenth towards one mini-batch, whatever the rate.
                double tolerance = batchNorm ? 0.3 : 1e-4, largest = first.Scores(data).Max(Math.Abs);
                Assert.All(first.Scores(data).Zip(second.Model.Scores(data)), pair => Assert.Equal(pair.First, pair.Second, tolerance * Math.Max(1, largest)));
            }
        }
    }

    [Fact]
    public async Task BegunFromANetwork_MoreFeatures_AndAnotherDropout_AreLearned_TheLossGoesOnFalling()
    {
        using Dataset small = OracleCase.Data(ModelSpec.Of(ModelKind.Mlp, LossKind.CrossEntropy), 600, 10, 0.6, seed: 5), large = OracleCase.Data(ModelSpec.Of(ModelKind.Mlp, LossKind.CrossEntropy), 600, 16, 0.6, seed: 5);
        var options = new TrainingOptions { Model = ModelKind.Mlp, Hidden = [12], Epochs = 10, Threads = 1, Scaling = ScalingKind.Off };
        TrainingResult first = await SgdTrainer.TrainAsync(small, options);
        TrainingResult more = await SgdTrainer.TrainAsync(large, new TrainingOptions { Init = first.Model, Epochs = 1, Threads = 1, Dropout = 0.1 });
        Assert.Equal((16, 0.1f), (more.Model.FeatureCount, more.Model.Spec.Network!.Dropout));
        TrainingResult again = await SgdTrainer.TrainAsync(small, new TrainingOptions { Init = first.Model, Epochs = 10, Threads = 1 });
        Assert.True(again.Train.Loss < first.Train.Loss, $"{again.Train.Loss} after {first.Train.Loss}");
        Assert.Equal("adam", again.Model.Optimizer);
    }

    [Fact]
    public async Task OptionsOfAnotherNetworkThanTheOneBegunFrom_AreRefusedByNameAndValue()
    {
        using Dataset data = OracleCase.Data(ModelSpec.Of(ModelKind.Mlp, LossKind.CrossEntropy), 100, 6, 0.6, seed: 6);
        TrainedModel network = (await SgdTrainer.TrainAsync(data, new TrainingOptions { Model = ModelKind.Mlp, Hidden = [7, 3], Epochs = 1 })).Model;
        TrainedModel plain = (await SgdTrainer.TrainAsync(data, new TrainingOptions { Model = ModelKind.Softmax, Epochs = 1 })).Model;
        var mlp = new TrainingOptions { Model = ModelKind.Mlp, Init = network, Epochs = 1 };
        (TrainingOptions Options, string[] Parts)[] ways =
        [
            (mlp with { Hidden = [8] }, ["--hidden 8", "--init (7-3 relu)"]),
            (mlp with { Activation = "tanh" }, ["--activation tanh", "--init"]),
            (mlp with { BatchNorm = true }, ["--batch-norm", "--init"]),
            (mlp with { InitWeights = WeightInit.He }, ["--init-weights he", "--init"]),
            (mlp with { Loss = LossKind.Logistic }, ["--loss logistic", "--init (mlp "]),
            (mlp with { Init = plain }, ["--init is a model of kind softmax", "--model mlp"]),
            (mlp with { Model = ModelKind.Softmax }, ["--init is a model of kind mlp", "--model softmax"]),
        ];
        foreach ((TrainingOptions options, string[] parts) in ways)
        {
            TrainingException refused = await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options));
            Assert.All(parts, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
        }
    }
}
