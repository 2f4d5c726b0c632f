using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer;

/// <summary>How parameters are exchanged.</summary>
public enum ExchangeKind
{
    /// <summary>Chosen by the data's density.</summary>
    Auto,

    /// <summary>Whole ranges of keys.</summary>
    Dense,

    /// <summary>The keys of each block.</summary>
    Sparse,
}

/// <summary>How a model is trained. Every option has a default that works; null means that it is derived from the data.</summary>
public sealed record TrainingOptions
{
    /// <summary>The model; null: two distinct labels mean logistic, several that look like classes softmax, real targets linear.</summary>
    public ModelKind? Model { get; init; }

    /// <summary>The loss; null: the model's usual one (<see cref="ModelSpec.LossesOf"/>).</summary>
    public LossKind? Loss { get; init; }

    /// <summary>Where the Huber loss turns linear, in units of the target; positive. Null: 1.</summary>
    public double? HuberDelta { get; init; }

    /// <summary>Δ of the Crammer–Singer and 0/1 losses; positive. Null: 1.</summary>
    public double? Margin { get; init; }

    /// <summary>File with the tree of classes, for the tree loss (<see cref="Learning.Data.Taxonomy"/>); null: none.</summary>
    public string? Taxonomy { get; init; }

    /// <summary>Strength of the loss beside ½‖w‖², as SVM solvers count it: λ₂ = 1/(n·C); positive. Null: <see cref="L2"/> says.</summary>
    public double? C { get; init; }

    /// <summary>Radius of the ball that the weights are projected onto after every block; positive. Null: none.</summary>
    public double? MaxNorm { get; init; }

    /// <summary>Units of an MLP's hidden layers, the first one nearest to the features. Null: 256 and 128.</summary>
    public IReadOnlyList<int>? Hidden { get; init; }

    /// <summary>The hidden layers' activation, as <see cref="MlpSpec.ActivationText"/>. Null: relu.</summary>
    public string? Activation { get; init; }

    /// <summary>How the weights of an MLP are drawn before the first step. Null: by the activation.</summary>
    public WeightInit? InitWeights { get; init; }

    /// <summary>True: batch normalisation before each activation of an MLP.</summary>
    public bool BatchNorm { get; init; }

    /// <summary>The probability with which training silences a hidden unit of an MLP; in [0, 1). Null: 0.</summary>
    public double? Dropout { get; init; }

    /// <summary>How an MLP's training images are changed at random, as <see cref="ImageAugmentation.Parse"/> reads it. Null: not.</summary>
    public string? Augment { get; init; }

    /// <summary>The update rule. Null: AdaGrad; SGD for a linear regression begun from least squares, and for classes on dense features; for an MLP Adam.</summary>
    public OptimizerKind? Optimizer { get; init; }

    /// <summary>The update rule, as given or usual before the data is known.</summary>
    internal OptimizerKind Rule => Optimizer ?? ((Model ?? Init?.Kind) == ModelKind.Mlp ? OptimizerKind.Adam : OptimizerKind.AdaGrad);

    /// <summary>
    /// E, at least 1: SVRG (Johnson &amp; Zhang 2013) with plain SGD and λ₂. An epoch that computes the full gradient comes before every E epochs of steps; it counts as one, since it is a pass over the data. Null: plain steps.
    /// </summary>
    public int? SnapshotEvery { get; init; }

    /// <summary>Passes over the data; at least 1. Null: about a million rows altogether, from 5 to 200 passes; 5 for a linear regression begun from least squares, 2,000 steps at least for an MLP.</summary>
    public int? Epochs { get; init; }

    /// <summary>Most steps (mini-batches) of all workers together, at least one each; null: no bound but the epochs.</summary>
    public long? StepsMax { get; init; }

    /// <summary>Most seconds of training, positive, kept to the end of a block; null: no bound but the epochs.</summary>
    public double? SecondsMax { get; init; }

    /// <summary>Ends when an epoch changes the training loss by less than this part of it; positive. Null: not.</summary>
    public double? Tolerance { get; init; }

    /// <summary>Ends when the objective's gradient, in the units of training, is at most so long; positive; costs a pass over the data an epoch. Null: not.</summary>
    public double? GradientTolerance { get; init; }

    /// <summary>Ends when the test loss has not improved for so many evaluations, and the model is the best one; at least 1; needs <see cref="Test"/>. Null: not.</summary>
    public int? Patience { get; init; }

    /// <summary>The part of the steps, from 0 on and below 1, after which the model is the average of the parameters over the pushes from there on. Null: the last parameters are the model.</summary>
    public double? Average { get; init; }

    /// <summary>Rows in a mini-batch; at least 1. Null: 1 where workers push differences of their steps, 8 to 32, by the number of rows, where they push gradients; for an MLP 16 to 128, by the number of rows.</summary>
    public int? Batch { get; init; }

    /// <summary>α of rules with a velocity, in (0, 1). Null: the rule's usual one, as for the constants below.</summary>
    public double? Momentum { get; init; }

    /// <summary>ρ of averages, ρ₁ of Adam; in (0, 1).</summary>
    public double? Rho { get; init; }

    /// <summary>ρ₂ of Adam; in (0, 1).</summary>
    public double? Rho2 { get; init; }

    /// <summary>δ of adaptive rules; positive.</summary>
    public double? Delta { get; init; }

    /// <summary>β of FTRL-Proximal; positive.</summary>
    public double? Beta { get; init; }

    /// <summary>η₀; positive. Null: from the rows' norms (<see cref="RateDefaults"/>).</summary>
    public double? LearningRate { get; init; }

    /// <summary>The learning rate's shape over the steps. Null: linear; constant for AdaDelta and FTRL-Proximal, whose steps shrink by themselves.</summary>
    public ScheduleKind? Schedule { get; init; }

    /// <summary>γ of the inverse schedules; 0 or more. Null: 10 an epoch.</summary>
    public double? Decay { get; init; }

    /// <summary>f of the step and exponential schedules; in (0, 1). Null: ½ a step; exponential falls to a hundredth over the training.</summary>
    public double? DecayFactor { get; init; }

    /// <summary>k of the step schedule, in steps; at least 1. Null: an eighth of the training.</summary>
    public int? DecaySteps { get; init; }

    /// <summary>Steps over which the rate first rises in a line, before any schedule; 0: none.</summary>
    public int Warmup { get; init; }

    /// <summary>Largest magnitude of an element of a mini-batch's gradient; positive. Null: no bound.</summary>
    public double? ClipValue { get; init; }

    /// <summary>Largest L2 norm of a mini-batch's gradient; positive. Null: no bound.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>λ of delay compensation, which adds λ g⊙g⊙(θ_now − θ_at_pull) to each gradient; positive. Null: none.</summary>
    public double? DelayCompensation { get; init; }

    /// <summary>True: a gradient that s pushes overtook is applied at the rate η_t/(1+s).</summary>
    public bool StalenessAware { get; init; }

    /// <summary>λ₁; 0 or more.</summary>
    public double L1 { get; init; }

    /// <summary>λ₂; 0 or more. Null: 1/n for n rows, 0.1/n for real targets, 4/n for losses of two classes steeper than the hinge, 20/n for an MLP of two classes, and at most 0.03 for an MLP; less where there are 25 rows and more for each weight (linear regression, dense features), and the best of a few on rows held out where there are fewer and no option says how to train.</summary>
    public double? L2 { get; init; }

    /// <summary>What the usual λ₂ is multiplied by (<see cref="StrengthChoice"/>); null: not chosen yet.</summary>
    internal double? StrengthFactor { get; init; }

    /// <summary>When columns are scaled for training; the model is always in the units of the data.</summary>
    public ScalingKind Scaling { get; init; } = ScalingKind.Auto;

    /// <summary>Features of LIBSVM data are hashed to 2^HashBits, 1 to 24; null: they are not.</summary>
    public int? HashBits { get; init; }

    /// <summary>Whether rows are divided by their L2 norm.</summary>
    public bool NormalizeRows { get; init; }

    /// <summary>PCA whitening: so many directions of the largest variance, each to unit variance; for dense data of at most <see cref="Whitening.FeaturesMax"/> features. Null: none.</summary>
    public int? Whiten { get; init; }

    /// <summary>Seed of every order and draw.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Worker threads of an embedded training; at least 1. Null: as many as processors.</summary>
    public int? Threads { get; init; }

    /// <summary>Mini-batches a worker steps on its replica between two pushes; 0: gradients are pushed. Null: chosen by the data's density.</summary>
    public int? LocalSteps { get; init; }

    /// <summary>Exchanges under way while a worker computes: 0 or 1. Null: 0 embedded and for networks, else 1.</summary>
    public int? Prefetch { get; init; }

    /// <summary>How parameters are exchanged.</summary>
    public ExchangeKind Exchange { get; init; } = ExchangeKind.Auto;

    /// <summary>Shards that the keys are cut into; at least 1. Null: one a server, more if they would be large.</summary>
    public int? Shards { get; init; }

    /// <summary>What classes count (<see cref="ClassWeights"/>): balanced, or label:weight,…; null: the same a row.</summary>
    public string? ClassWeight { get; init; }

    /// <summary>A part of the rows that is not learned from but evaluated on, in place of <see cref="Test"/>; null: none.</summary>
    public HoldOut? HeldOut { get; init; }

    /// <summary>A model to begin with: its problem and loss (unless they are given), labels and scaling of columns too; the data may have more features. Null: begin anew.</summary>
    public TrainedModel? Init { get; init; }

    /// <summary>In which order each worker visits its rows.</summary>
    public RowOrderKind Order { get; init; }

    /// <summary>Most bytes of rows that workers gather in memory; more are gathered from the data, best its cache, in each epoch. At least 1. Null: half of the machine's memory.</summary>
    public long? MemoryMax { get; init; }

    /// <summary>Half of the machine's memory, in bytes.</summary>
    public static long MemoryMaxDefault => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>Evaluated after each epoch; null: none.</summary>
    public Dataset? Test { get; init; }

    /// <summary>Told of each evaluation, on the training's own threads.</summary>
    public Action<TrainingProgress>? Progress { get; init; }

    /// <summary>Told the epoch after which the model has been saved, with <see cref="SaveEvery"/>.</summary>
    public Action<int>? Saved { get; init; }

    /// <summary>Told, in sentences, what was chosen and what is waited for.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>Where the model is saved; null: only returned.</summary>
    public string? Out { get; init; }

    /// <summary>Also save after every so many epochs; 0: at the end only, but a checkpoint after each.</summary>
    public int SaveEvery { get; init; }

    /// <summary>
    /// Where the state of the training is kept, parameters with their optimizer state, after every <see cref="SaveEvery"/> epochs and at the end. If the file is there
    /// already, the training goes on from it. Null: not kept. Not with <see cref="SnapshotEvery"/> or <see cref="Average"/>.
    /// </summary>
    public string? Checkpoint { get; init; }
}

/// <summary>One evaluation, at the end of an epoch.</summary>
/// <param name="Epoch">Finished epochs.</param>
/// <param name="Epochs">Epochs of the whole training.</param>
/// <param name="Seconds">Seconds of training so far, evaluations not counted.</param>
/// <param name="ExamplesPerSecond">Rows trained a second in this epoch.</param>
/// <param name="TrainLoss">Mean loss of the epoch's rows, each taken just before its step.</param>
/// <param name="Test">The test set's figures, if there is one.</param>
/// <param name="StalenessP50">Median staleness of pushes.</param>
/// <param name="StalenessP99">99th percentile of staleness.</param>
/// <param name="WireMegabytesPerSecond">Payload pushed and pulled over sockets in this epoch; null for embedded training.</param>
public sealed record TrainingProgress(
    int Epoch, int Epochs, double Seconds, double ExamplesPerSecond, double TrainLoss, EvaluationResult? Test,
    long StalenessP50, long StalenessP99, double? WireMegabytesPerSecond)
{
    /// <summary>Steps (mini-batches) of all workers so far.</summary>
    public long Steps { get; init; }

    /// <summary>Payload bytes pushed and pulled so far, by memory or over sockets.</summary>
    public long Bytes { get; init; }
}
