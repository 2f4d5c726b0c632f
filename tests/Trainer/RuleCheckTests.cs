using DistSgd.Learning.Optimizers;

namespace DistSgd.Trainer.Tests;

public sealed class RuleCheckTests
{
    [Fact]
    public void CombinationsThatMakeNoSense_AreRefusedWithBothNamesAndValues()
    {
        (TrainingOptions Options, string[] Says)[] ways =
        [
            (new() { Momentum = 0.9 }, ["--momentum 0.9", "--optimizer adagrad", "momentum, nesterov"]),
            (new() { Optimizer = OptimizerKind.Adam, Momentum = 0.9 }, ["--momentum 0.9", "--optimizer adam"]),
            (new() { Optimizer = OptimizerKind.Sgd, Delta = 0.1 }, ["--delta 0.1", "--optimizer sgd"]),
            (new() { Optimizer = OptimizerKind.RmsProp, Rho2 = 0.5 }, ["--rho2 0.5", "--optimizer rmsprop", "adam, adamw"]),
            (new() { Optimizer = OptimizerKind.Adam, Beta = 2 }, ["--beta 2", "--optimizer adam", "ftrl"]),
            (new() { Optimizer = OptimizerKind.Adam, Rho = 1 }, ["--rho", "'1'", "above 0 and below 1"]),
            (new() { Optimizer = OptimizerKind.AdamW, LocalSteps = 5 }, ["--local-steps 5", "--optimizer adamw", "sgd or adagrad"]),
            (new() { Optimizer = OptimizerKind.Momentum, MaxNorm = 2 }, ["--max-norm 2", "--optimizer momentum"]),
            (new() { ClipNorm = 1, LocalSteps = 3 }, ["--clip-norm 1", "--local-steps 3"]),
            (new() { Optimizer = OptimizerKind.Sgd, StalenessAware = true, SnapshotEvery = 2 }, ["--staleness-aware", "--svrg 2"]),
            (new() { ClipValue = 1, MaxNorm = 3 }, ["--clip-value 1", "--max-norm 3"]),
            (new() { DelayCompensation = 0.5, LocalSteps = 3 }, ["--delay-compensation 0.5", "--local-steps 3"]),
            (new() { StalenessAware = true, LocalSteps = 3 }, ["--staleness-aware", "--local-steps 3"]),
            (new() { Optimizer = OptimizerKind.Ftrl, Schedule = ScheduleKind.Cosine }, ["--schedule cosine", "--optimizer ftrl"]),
            (new() { Optimizer = OptimizerKind.Ftrl, Warmup = 10 }, ["--warmup 10", "--optimizer ftrl"]),
            (new() { Decay = 1 }, ["--decay 1", "--schedule linear"]),
            (new() { DecayFactor = 0.5 }, ["--decay-factor 0.5", "--schedule linear", "step or exponential"]),
            (new() { DecaySteps = 5, Schedule = ScheduleKind.Exponential }, ["--decay-steps 5", "--schedule exponential"]),
        ];
        foreach ((TrainingOptions options, string[] says) in ways)
        {
            string refusal = OptionCheck.Refusal(options, null) ?? "";
            Assert.All(says, word => Assert.Contains(word, refusal, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void EveryRule_WithEachOfItsConstants_IsTaken()
    {
        foreach (RuleForm form in UpdateRules.All)
        {
            double? Given(RuleConstant constant) => form.Facts.Usual(constant) is null ? null : 0.5;
            var options = new TrainingOptions
            {
                Optimizer = form.Kind,
                Momentum = Given(RuleConstant.Momentum),
                Rho = Given(RuleConstant.Rho),
                Rho2 = Given(RuleConstant.Rho2),
                Delta = Given(RuleConstant.Delta),
                Beta = Given(RuleConstant.Beta),
                ClipNorm = 1,
                ClipValue = 1,
                DelayCompensation = 0.5,
                StalenessAware = true,
            };
            Assert.Null(OptionCheck.Refusal(options, null));
        }
    }
}
