using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Trainer.Stopping;

namespace DistSgd.Trainer.Tests;

public sealed class StoppingTests
{
    [Fact]
    public void Patience_CountsEvaluationsSinceTheBest_AndForgetsThemWhenItIsBeaten()
    {
        var rules = new StoppingRules(null, null, 2);
        (double Loss, EndReason? Ends, bool IsBest)[] script = [(5, null, true), (6, null, false), (4, null, true), (4, null, false), (4.5, EndReason.Patience, false)];
        for (int epoch = 1; epoch <= script.Length; epoch++)
        {
            (double loss, EndReason? ends, bool isBest) = script[epoch - 1];
            Assert.Equal((ends, isBest), (rules.Observe(new EpochOutcome(epoch, 1, loss, null)), rules.IsBest));
        }
        Assert.Equal((3, 4d), (rules.BestEpoch, rules.BestLoss));
        Assert.Equal("--patience 2: the test loss has not improved for 2 evaluations after epoch 3", rules.Explain(EndReason.Patience, null, null));
    }

    [Fact]
    public void Patience_ATestLossThatIsNoNumber_IsNoImprovement()
    {
        var rules = new StoppingRules(null, null, 1);
        Assert.Null(rules.Observe(new EpochOutcome(1, 1, 3, null)));
        Assert.Equal(EndReason.Patience, rules.Observe(new EpochOutcome(2, 1, double.NaN, null)));
    }

    [Fact]
    public void Tolerance_IsRelativeToTheLossBefore_AndHasNothingToSayAfterTheFirstEpoch()
    {
        var rules = new StoppingRules(0.01, null, null);
        Assert.Null(rules.Observe(new EpochOutcome(1, 200, null, null)));
        Assert.Null(rules.Observe(new EpochOutcome(2, 197, null, null)));
        Assert.Equal(EndReason.Tolerance, rules.Observe(new EpochOutcome(3, 196, null, null)));
    }

    [Fact]
    public void GradientTolerance_EndsAtALengthOfAtMostIt()
    {
        var rules = new StoppingRules(null, 0.5, null);
        Assert.Null(rules.Observe(new EpochOutcome(1, 1, null, 0.51)));
        Assert.Equal(EndReason.GradientTolerance, rules.Observe(new EpochOutcome(2, 1, null, 0.5)));
    }

    [Fact]
    public async Task EachRule_EndsATraining_AndIsNamedInTheResult()
    {
        using Dataset data = RandomRows.Build(600, 20, 0.3, seed: 5), test = RandomRows.Build(300, 20, 0.3, seed: 6);
        foreach (int threads in (int[])[1, 3])
        {
            var options = new TrainingOptions { Threads = threads, Epochs = 60, Model = ModelKind.Logistic, Test = test };
            (TrainingOptions Options, EndReason Reason)[] cases =
            [
                (options with { Epochs = 3 }, EndReason.Epochs),
                (options with { StepsMax = 900 }, EndReason.Steps),
                (options with { Epochs = null, StepsMax = 900 }, EndReason.Steps),
                (options with { SecondsMax = 1e-7 }, EndReason.Seconds),
                (options with { Tolerance = 0.2 }, EndReason.Tolerance),
                (options with { GradientTolerance = 0.1 }, EndReason.GradientTolerance),
                (options with { Patience = 2, LearningRate = 5, Schedule = ScheduleKind.Constant }, EndReason.Patience),
            ];
            foreach ((TrainingOptions asked, EndReason reason) in cases)
            {
                var epochs = new List<TrainingProgress>();
                TrainingResult result = await SgdTrainer.TrainAsync(data, asked with { Progress = epochs.Add });
                Assert.True(reason == result.EndedBy, $"{threads} threads: ended by {result.EndedBecause}; expected {reason}");
                Assert.True(reason == EndReason.Epochs ? epochs.Count == 3 : epochs.Count < 60, $"{reason}: {epochs.Count} epochs");
                if (reason == EndReason.Patience)
                    Assert.Equal(epochs.Min(epoch => epoch.Test!.Loss), result.Test!.Loss);
            }
        }
    }

    [Fact]
    public async Task StepsMax_WithEpochsThatEndBefore_LeavesTheEpochsTheReason()
    {
        using Dataset data = RandomRows.Build(100, 20, 0.3, seed: 5);
        TrainingResult result = await SgdTrainer.TrainAsync(data, new TrainingOptions { Threads = 1, Epochs = 2, StepsMax = 1000 });
        Assert.Equal(EndReason.Epochs, result.EndedBy);
    }

    [Fact]
    public async Task StepsMax_AtTheEndOfAnEpoch_GivesTheBitsOfSoManyEpochs()
    {
        using Dataset data = RandomRows.Build(100, 20, 0.3, seed: 5);
        var options = new TrainingOptions { Threads = 1, Batch = 4 };
        TrainingResult bounded = await SgdTrainer.TrainAsync(data, options with { StepsMax = 75 }), whole = await SgdTrainer.TrainAsync(data, options with { Epochs = 3 });
        Assert.Equal((EndReason.Steps, EndReason.Epochs), (bounded.EndedBy, whole.EndedBy));
        Assert.Equal(whole.Model.Weights.ToArray(), bounded.Model.Weights.ToArray());
    }

    [Fact]
    public void ObjectiveGradient_IsThatOfTheReference_AndZeroAtALassoMinimum()
    {
        using Dataset data = RandomRows.Build(200, 6, 0.9, seed: 8);
        using var gradient = new ObjectiveGradient(data, ModelKind.Logistic, LabelMap.Binary(-1, 1), null, 0.01, 0.1);
        float[] at = [0.3f, -0.2f, 0.5f, 0.1f, -0.7f, 0.2f, 0.05f];
        using Learning.Batches.BlockSet blocks = Learning.Batches.BlockSet.Build(data, [new RowRange(0, 200)], new Learning.Batches.BlockPlan(0, 0, 200, 6, false, LabelMap.Binary(-1, 1)));
        double[] expected = new Learning.Reference.ReferenceObjective(ModelKind.Logistic, 6, 0.01, 0.1).Gradient(blocks[0].Rows, [.. at.Select(value => (double)value)]);
        Assert.Equal(Math.Sqrt(expected.Sum(part => part * part)), gradient.Norm(at), 1e-6);
        // So strong an L1 that all weights stay 0: what is left is the bias's slope.
        using var strong = new ObjectiveGradient(data, ModelKind.Logistic, LabelMap.Binary(-1, 1), null, 10, 0);
        double share = data.Labels.Distinct!.First(label => label.Label > 0).Count / 200.0;
        Assert.Equal(0, strong.Norm([0, 0, 0, 0, 0, 0, (float)Math.Log(share / (1 - share))]), 1e-6);
        Assert.True(strong.Norm([0, 0, 0, 0, 0, 0, 2]) > 0.1);
    }

    [Fact]
    public async Task RulesThatMakeNoSense_AreRefusedWithBothNamesAndValues()
    {
        using Dataset data = RandomRows.Build(50, 20, 0.3, seed: 5);
        (TrainingOptions Options, string[] Says)[] wrong =
        [
            (new TrainingOptions { Patience = 3 }, ["--patience 3", "--test"]),
            (new TrainingOptions { Patience = 5, Epochs = 5, Test = data }, ["--patience 5", "--epochs 5"]),
            (new TrainingOptions { StepsMax = 2, Threads = 3 }, ["--steps-max 2", "--threads 3"]),
            (new TrainingOptions { SecondsMax = 0 }, ["--seconds-max", "above 0"]),
            (new TrainingOptions { Tolerance = -1 }, ["--tolerance", "above 0"]),
        ];
        foreach ((TrainingOptions options, string[] says) in wrong)
        {
            string message = (await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options))).Message;
            Assert.All(says, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }
}
