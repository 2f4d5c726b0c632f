using DistSgd.Shared.CommandLine;

namespace DistSgd.Trainer;

/// <summary>The ranges of the numbers in <see cref="TrainingOptions"/> and the cluster options: the command line and the C# API refuse the same values, in the same words.</summary>
public static class TrainingRanges
{
    /// <summary>Passes over the data.</summary>
    public static NumberRange Epochs { get; } = NumberRange.Whole("--epochs", 1);

    /// <summary>Steps of the whole training.</summary>
    public static NumberRange StepsMax { get; } = NumberRange.Whole("--steps-max", 1, long.MaxValue);

    /// <summary>Seconds of training.</summary>
    public static NumberRange SecondsMax { get; } = NumberRange.Positive("--seconds-max");

    /// <summary>Least relative change of the training loss.</summary>
    public static NumberRange Tolerance { get; } = NumberRange.Positive("--tolerance");

    /// <summary>Length of gradient that is small enough.</summary>
    public static NumberRange GradientTolerance { get; } = NumberRange.Positive("--gradient-tolerance");

    /// <summary>Evaluations without a better test loss.</summary>
    public static NumberRange Patience { get; } = NumberRange.Whole("--patience", 1);

    /// <summary>Epochs of steps between two full gradients.</summary>
    public static NumberRange SnapshotEvery { get; } = NumberRange.Whole("--svrg", 1);

    /// <summary>Part of the steps after which parameters are averaged.</summary>
    public static NumberRange Average { get; } = NumberRange.NotNegative("--average");

    /// <summary>Rows in a mini-batch.</summary>
    public static NumberRange Batch { get; } = NumberRange.Whole("--batch", 1);

    /// <summary>Where the Huber loss turns linear.</summary>
    public static NumberRange HuberDelta { get; } = NumberRange.Positive("--huber-delta").InSingle();

    /// <summary>Margin of the Crammer-Singer and 0/1 losses.</summary>
    public static NumberRange Margin { get; } = NumberRange.Positive("--margin").InSingle();

    /// <summary>Strength of the loss as SVM solvers count it.</summary>
    public static NumberRange C { get; } = NumberRange.Positive("--C");

    /// <summary>Radius of the ball that the weights stay in.</summary>
    public static NumberRange MaxNorm { get; } = NumberRange.Positive("--max-norm").InSingle();

    /// <summary>Probability of dropout.</summary>
    public static NumberRange Dropout { get; } = NumberRange.Share("--dropout").InSingle();

    /// <summary>The first learning rate.</summary>
    public static NumberRange LearningRate { get; } = NumberRange.Positive("--learning-rate").InSingle();

    /// <summary>What a velocity keeps a step.</summary>
    public static NumberRange Momentum { get; } = NumberRange.Fraction("--momentum").InSingle();

    /// <summary>What an average keeps a step.</summary>
    public static NumberRange Rho { get; } = NumberRange.Fraction("--rho").InSingle();

    /// <summary>What Adam's average of squares keeps a step.</summary>
    public static NumberRange Rho2 { get; } = NumberRange.Fraction("--rho2").InSingle();

    /// <summary>The small constant of adaptive rules.</summary>
    public static NumberRange Delta { get; } = NumberRange.Positive("--delta").InSingle();

    /// <summary>The constant beside FTRL-Proximal's rate.</summary>
    public static NumberRange Beta { get; } = NumberRange.Positive("--beta").InSingle();

    /// <summary>Decay of the inverse schedules.</summary>
    public static NumberRange Decay { get; } = NumberRange.NotNegative("--decay");

    /// <summary>Factor of the schedules that fall by one.</summary>
    public static NumberRange DecayFactor { get; } = NumberRange.Fraction("--decay-factor");

    /// <summary>Steps between two falls.</summary>
    public static NumberRange DecaySteps { get; } = NumberRange.Whole("--decay-steps", 1);

    /// <summary>Steps over which the rate rises.</summary>
    public static NumberRange Warmup { get; } = NumberRange.Whole("--warmup", 0);

    /// <summary>Bound on a gradient's elements.</summary>
    public static NumberRange ClipValue { get; } = NumberRange.Positive("--clip-value").InSingle();

    /// <summary>Bound on a gradient's norm.</summary>
    public static NumberRange ClipNorm { get; } = NumberRange.Positive("--clip-norm").InSingle();

    /// <summary>Strength of delay compensation.</summary>
    public static NumberRange DelayCompensation { get; } = NumberRange.Positive("--delay-compensation").InSingle();

    /// <summary>Strength of L1.</summary>
    public static NumberRange L1 { get; } = NumberRange.NotNegative("--l1").InSingle();

    /// <summary>Strength of L2.</summary>
    public static NumberRange L2 { get; } = NumberRange.NotNegative("--l2").InSingle();

    /// <summary>The seed.</summary>
    public static NumberRange Seed { get; } = NumberRange.Whole("--seed", 0, long.MaxValue);

    /// <summary>Threads of an embedded training.</summary>
    public static NumberRange Threads { get; } = NumberRange.Whole("--threads", 1, 1024);

    /// <summary>Server processes.</summary>
    public static NumberRange Servers { get; } = NumberRange.Whole("--servers", 1, 1000);

    /// <summary>Worker processes.</summary>
    public static NumberRange Workers { get; } = NumberRange.Whole("--workers", 1, 1000);

    /// <summary>Mini-batches between two pushes.</summary>
    public static NumberRange LocalSteps { get; } = NumberRange.Whole("--local-steps", 0);

    /// <summary>Exchanges under way while a worker computes.</summary>
    public static NumberRange Prefetch { get; } = NumberRange.Whole("--prefetch", 0, 1);

    /// <summary>Shards.</summary>
    public static NumberRange Shards { get; } = NumberRange.Whole("--shards", 1, 10_000);

    /// <summary>Seconds, up to a week, for which a silent server is tried again.</summary>
    public static NumberRange RetryDeadline { get; } = NumberRange.Whole("--retry-deadline", 1, 604_800);

    /// <summary>Most bytes of rows in memory.</summary>
    public static NumberRange MemoryMax { get; } = NumberRange.Whole("--memory-max", 1, long.MaxValue);

    /// <summary>Bits of a hashed feature.</summary>
    public static NumberRange HashBits { get; } = NumberRange.Whole("--hash-bits", 1, Learning.Csv.CsvOptions.HashBitsMax);

    /// <summary>Directions of a whitening.</summary>
    public static NumberRange Whiten { get; } = NumberRange.Whole("--whiten", 1, Learning.Preprocessing.Whitening.FeaturesMax);

    /// <summary>Parts of a cross-validation.</summary>
    public static NumberRange Folds { get; } = NumberRange.Whole("--folds", 2, 1000);

    /// <summary>Epochs between two saves; 0: only at the end.</summary>
    public static NumberRange SaveEvery { get; } = NumberRange.Whole("--save-every", 0);
}
