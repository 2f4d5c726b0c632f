using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer.Tests;

public sealed class AveragingTests
{
    [Fact]
    public async Task AverageOfTheIterates_AtAConstantRate_IsFarNearerToTheOptimumThanTheLastOne()
    {
        using Dataset data = RandomRows.Build(2_000, 20, 0.5, seed: 4);
        var optimum = new LogisticOptimum(data, LabelMap.Binary(-1, 1), 0.01);
        foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
        {
            foreach (int threads in (int[])[1, 2])
            {
                var options = new TrainingOptions
                {
                    Model = ModelKind.Logistic,
                    Optimizer = OptimizerKind.Sgd,
                    Schedule = ScheduleKind.Constant,
                    LearningRate = 0.2,
                    L2 = 0.01,
                    Epochs = 40,
                    LocalSteps = 4,
                    Threads = threads,
                    Exchange = exchange,
                    Scaling = ScalingKind.Off,
                };
                double last = optimum.Excess((await SgdTrainer.TrainAsync(data, options)).Model), mean = optimum.Excess((await SgdTrainer.TrainAsync(data, options with { Average = 0.5 })).Model);
                Assert.True(mean < 0.2 * last, $"{exchange}, {threads} threads: the average is {mean:G3} above the optimum, the last iterate {last:G3}");
            }
        }
    }

    [Fact]
    public async Task Average_ThatMakesNoSense_IsRefused()
    {
        using Dataset data = RandomRows.Build(50, 20, 0.3, seed: 5);
        foreach ((TrainingOptions options, string says) in ((TrainingOptions, string)[])[(new() { Average = 1 }, "--average 1"), (new() { Average = -0.5 }, "--average"), (new() { Average = 0.5, SnapshotEvery = 2, Optimizer = OptimizerKind.Sgd }, "--svrg 2")])
            Assert.Contains(says, (await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options))).Message, StringComparison.Ordinal);
    }
}
