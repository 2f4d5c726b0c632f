using DistSgd.Learning.Batches;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Trainer.Cluster;

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
            (new() { Optimizer = OptimizerKind.Sgd, SnapshotEvery = 2, Epochs = 1 }, ["--svrg 2", "--epochs 1", "at least 2"]),
            (new() { Epochs = 2, SaveEvery = 3 }, ["--save-every 3", "--epochs 2"]),
            (new() { Model = ModelKind.Mlp, BatchNorm = true, Batch = 1 }, ["--batch-norm", "--batch 1"]),
        ];
        foreach ((TrainingOptions options, string[] says) in ways)
        {
            string refusal = OptionCheck.Refusal(options, null) ?? "";
            Assert.All(says, word => Assert.Contains(word, refusal, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void OptionsOfAnotherModelOrLoss_AreRefusedBeforeAnyDataIsRead()
    {
        (TrainingOptions Options, string[] Says)[] ways =
        [
            (new() { Model = ModelKind.Linear, Loss = LossKind.Hinge }, ["--loss hinge", "--model linear", "squared or huber"]),
            (new() { Model = ModelKind.Linear, HuberDelta = 2 }, ["--huber-delta 2", "--loss huber"]),
            (new() { Margin = 3 }, ["--margin 3", "the model that labels choose", "multiclass-svm"]),
            (new() { Model = ModelKind.Softmax, Margin = 3 }, ["--margin 3", "--model softmax"]),
            (new() { Model = ModelKind.MulticlassSvm, Loss = LossKind.WestonWatkins, Margin = 3 }, ["--margin 3", "--loss weston-watkins"]),
            (new() { Taxonomy = "t" }, ["--taxonomy t", "--loss tree"]),
            (new() { Model = ModelKind.StructuredSvm, Loss = LossKind.Hamming, Taxonomy = "t" }, ["--taxonomy t", "--loss tree"]),
            (new() { Model = ModelKind.StructuredSvm, Loss = LossKind.Tree }, ["--loss tree", "--taxonomy FILE"]),
            (new() { Model = ModelKind.SvmRank, Order = RowOrderKind.LargestLoss }, ["--order largest-loss", "--model svm-rank"]),
            (new() { Model = ModelKind.Linear, Order = RowOrderKind.Interleaved }, ["--order interleaved", "--model linear"]),
            (new() { Model = ModelKind.StructuredSvm, Loss = LossKind.Hamming, Order = RowOrderKind.Interleaved }, ["--order interleaved", "--loss hamming"]),
            (new() { Loss = LossKind.SquaredHinge }, ["--loss squared-hinge", "--model svm"]),
            (new() { Loss = LossKind.Tree, Taxonomy = "t" }, ["--loss tree", "--model structured-svm"]),
            (new() { Model = ModelKind.Linear, ClassWeight = "balanced" }, ["--class-weight balanced", "--model linear"]),
            (new() { Model = ModelKind.Mlp, Loss = LossKind.Squared, Order = RowOrderKind.Interleaved }, ["--order interleaved", "--loss squared"]),
            (new() { Model = ModelKind.Mlp, Augment = "flip", Whiten = 3 }, ["--augment flip", "--whiten 3"]),
            (new() { Model = ModelKind.Mlp, Augment = "flip", HashBits = 5 }, ["--augment flip", "--hash-bits 5"]),
            (new() { Model = ModelKind.Mlp, Augment = "flip", Scaling = Learning.Preprocessing.ScalingKind.Range }, ["--augment flip", "--scale range"]),
            (new() { Model = ModelKind.Mlp, Loss = LossKind.Squared, ClassWeight = "1:2" }, ["--class-weight 1:2", "--loss squared"]),
            (new() { Warmup = 30, StepsMax = 30 }, ["--warmup 30", "--steps-max 30"]),
            (new() { Threads = 4, StepsMax = 3 }, ["--steps-max 3", "--threads 4"]),
            (new() { Whiten = 3, HashBits = 5 }, ["--whiten 3", "--hash-bits 5"]),
            (new() { Model = ModelKind.Linear, ClassWeight = "balanced" }, ["--class-weight balanced", "--model linear"]),
            (new() { Model = ModelKind.SvmRank, ClassWeight = "1:2" }, ["--class-weight 1:2", "--model svm-rank"]),
            (new() { Model = ModelKind.StructuredSvm, Loss = LossKind.Hamming, ClassWeight = "1:2" }, ["--class-weight 1:2", "--loss hamming"]),
            (new() { ClassWeight = "1:3,0:2,1:4" }, ["--class-weight 1:3,0:2,1:4", "\"1\" twice"]),
            (new() { Tolerance = 0.001, Epochs = 1 }, ["--tolerance 0.001", "--epochs 1"]),
            (new() { Model = ModelKind.Mlp, SnapshotEvery = 2 }, ["--svrg 2", "--model mlp", "linear, logistic or svm"]),
        ];
        foreach ((TrainingOptions options, string[] says) in ways)
        {
            string refusal = OptionCheck.Refusal(options, null) ?? "";
            Assert.All(says, word => Assert.Contains(word, refusal, StringComparison.Ordinal));
        }
        TrainingOptions[] taken =
        [
            new() { Model = ModelKind.MulticlassSvm, Margin = 3 }, new() { Model = ModelKind.StructuredSvm, Margin = 3 }, new() { Model = ModelKind.StructuredSvm, Taxonomy = "t" },
            new() { Model = ModelKind.StructuredSvm, Loss = LossKind.Tree, Taxonomy = "t" }, new() { Order = RowOrderKind.LargestLoss }, new() { Model = ModelKind.Mlp, Order = RowOrderKind.LargestLoss }, new() { Loss = LossKind.Huber }, new() { Loss = LossKind.Hamming }, new() { Threads = 4, StepsMax = 4 }, new() { Epochs = 3, SaveEvery = 3, Out = "m" },
        ];
        Assert.All(taken, options => Assert.Null(OptionCheck.Refusal(options, null)));
    }

    [Fact]
    public void StepsFewerThanWorkers_AreRefusedBeforeAnyDataIsRead()
    {
        string refusal = OptionCheck.Refusal(new TrainingOptions { StepsMax = 3 }, new ClusterOptions { Data = "d", Workers = 4 }) ?? "";
        Assert.Contains("--steps-max 3", refusal, StringComparison.Ordinal);
        Assert.Contains("--workers 4", refusal, StringComparison.Ordinal);
        Assert.Null(OptionCheck.Refusal(new TrainingOptions { StepsMax = 4 }, new ClusterOptions { Data = "d", Workers = 4 }));
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
