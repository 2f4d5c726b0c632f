using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer.Cluster;

namespace DistSgd.Trainer;

/// <summary>Refuses options that make no sense: by themselves, before any data is read; and for the data at hand.</summary>
public static class OptionCheck
{
    /// <summary>What is wrong with options, whatever the data.</summary>
    /// <param name="options">The options.</param>
    /// <param name="cluster">Where it would run; null: in this process.</param>
    /// <returns>Null, or one sentence that names the option, its value and what was expected.</returns>
    public static string? Refusal(TrainingOptions options, ClusterOptions? cluster) =>
        TrainingRanges.Epochs.Refusal(options.Epochs)
        ?? TrainingRanges.StepsMax.Refusal(options.StepsMax)
        ?? TrainingRanges.SecondsMax.Refusal(options.SecondsMax)
        ?? TrainingRanges.Tolerance.Refusal(options.Tolerance)
        ?? TrainingRanges.GradientTolerance.Refusal(options.GradientTolerance)
        ?? TrainingRanges.Patience.Refusal(options.Patience)
        ?? TrainingRanges.SnapshotEvery.Refusal(options.SnapshotEvery)
        ?? TrainingRanges.Average.Refusal(options.Average)
        ?? TrainingRanges.Batch.Refusal(options.Batch)
        ?? TrainingRanges.HuberDelta.Refusal(options.HuberDelta)
        ?? TrainingRanges.Margin.Refusal(options.Margin)
        ?? TrainingRanges.C.Refusal(options.C)
        ?? TrainingRanges.MaxNorm.Refusal(options.MaxNorm)
        ?? TrainingRanges.Dropout.Refusal(options.Dropout)
        ?? TrainingRanges.LearningRate.Refusal(options.LearningRate)
        ?? TrainingRanges.Momentum.Refusal(options.Momentum)
        ?? TrainingRanges.Rho.Refusal(options.Rho)
        ?? TrainingRanges.Rho2.Refusal(options.Rho2)
        ?? TrainingRanges.Delta.Refusal(options.Delta)
        ?? TrainingRanges.Beta.Refusal(options.Beta)
        ?? TrainingRanges.Decay.Refusal(options.Decay)
        ?? TrainingRanges.DecayFactor.Refusal(options.DecayFactor)
        ?? TrainingRanges.DecaySteps.Refusal(options.DecaySteps)
        ?? TrainingRanges.Warmup.Refusal(options.Warmup)
        ?? TrainingRanges.ClipValue.Refusal(options.ClipValue)
        ?? TrainingRanges.ClipNorm.Refusal(options.ClipNorm)
        ?? TrainingRanges.DelayCompensation.Refusal(options.DelayCompensation)
        ?? TrainingRanges.L1.Refusal(options.L1)
        ?? TrainingRanges.L2.Refusal(options.L2)
        ?? TrainingRanges.Threads.Refusal(options.Threads)
        ?? TrainingRanges.LocalSteps.Refusal(options.LocalSteps)
        ?? TrainingRanges.Prefetch.Refusal(options.Prefetch)
        ?? TrainingRanges.Shards.Refusal(options.Shards)
        ?? TrainingRanges.SaveEvery.Refusal(options.SaveEvery)
        ?? TrainingRanges.MemoryMax.Refusal(options.MemoryMax)
        ?? TrainingRanges.HashBits.Refusal(options.HashBits)
        ?? TrainingRanges.Whiten.Refusal(options.Whiten)
        ?? TrainingRanges.Servers.Refusal(cluster?.Servers)
        ?? TrainingRanges.Workers.Refusal(cluster?.Workers)
        ?? Combination(options)
        ?? ModelCheck.Refusal(options)
        ?? RuleCheck.Refusal(options)
        ?? (options.SnapshotEvery is { } every ? Svrg(options, every) : null)
        ?? NetworkOptions.Refusal(options)
        ?? (cluster is null ? null : Combination(options, cluster));

    /// <summary>What --class-weight takes.</summary>
    public const string ClassWeightExpected = "balanced, or label:weight of classes, separated by commas, weights above 0";

    /// <exception cref="TrainingException">The options make no sense for this data; both are named.</exception>
    internal static void Throw(TrainingOptions options, Dataset data, Deployment deployment)
    {
        Require(data.RowCount > 0, "The training data has no rows.");
        Require(data.RowCount >= deployment.Workers,
            $"There are {Plural.Of(deployment.Workers, deployment.IsRemote ? "worker" : "thread")} for {Plural.Of(data.RowCount, "row")}; expected at most one a row. Lower --{(deployment.IsRemote ? "workers" : "threads")}.");
        Require(options.Patience is null || options.Test is not null, $"--patience {options.Patience} judges by the test loss, but there is no test set; give --test or --validation-fraction.");
        Require(data.FeatureCount < uint.MaxValue, $"The data has {data.FeatureCount:N0} features; at most {uint.MaxValue - 1:N0} fit a job.");
    }

    internal static string LossRefusal(ModelKind model, LossKind loss) =>
        $"--loss {KindName.Of(loss)} doesn't go with --model {KindName.Of(model)}; expected --loss {string.Join(" or ", ModelSpec.LossesOf(model).Select(known => KindName.Of(known)))}.";

    internal static void ThrowIfRefused(TrainingOptions options, ClusterOptions? cluster)
    {
        if (Refusal(options, cluster) is { } refusal)
            throw new TrainingException(refusal);
    }

    private static string? Combination(TrainingOptions options)
    {
        if ((long)(options.Batch ?? 1) * Math.Max(1, options.LocalSteps ?? 1) > int.MaxValue)
            return $"--batch {options.Batch} times --local-steps {options.LocalSteps} is too large; expected below 2^31 rows between two pushes.";
        if (options is { C: { } c, L2: { } l2 })
            return $"--C {c} and --l2 {l2} are both given; they are one strength, l2 = 1/(rows C). Give one.";
        if (options.MaxNorm is { } radius && options.Exchange == ExchangeKind.Sparse)
            return $"--max-norm {radius} needs all weights at once; --exchange sparse moves some. Leave one out.";
        if (options.MaxNorm is { } ball && options.LocalSteps == 0)
            return $"--max-norm {ball} projects a worker's weights, but with --local-steps 0 workers push gradients. Leave one out.";
        if (options is { Patience: { } patience, Epochs: { } epochs } && patience >= epochs)
            return $"--patience {patience} can't be used up within --epochs {epochs}; expected less.";
        if (options.StepsMax < options.Threads)
            return $"--steps-max {options.StepsMax} is less than one a thread of --threads {options.Threads}; expected at least as many steps.";
        if (options.Warmup >= options.StepsMax)
            return $"--warmup {options.Warmup} leaves nothing of --steps-max {options.StepsMax}; expected less.";
        if (options is { Tolerance: { } tolerance, Epochs: 1 })
            return $"--tolerance {tolerance} compares the losses of two epochs, and --epochs 1 has one; expected at least 2.";
        if (options.Average is >= 1 and { } part)
            return $"--average {part} would begin behind the last step; expected a part of the steps, below 1.";
        if (options is { Average: { } average, SnapshotEvery: { } every })
            return $"--average {average} has nothing to average out with --svrg {every}; leave one out.";
        if (options.ClassWeight is { } classes && !ClassWeights.Admits(classes))
            return Arguments.Refusal("--class-weight", classes, ClassWeightExpected);
        if (options.ClassWeight is { } named && ClassWeights.Twice(named) is { } twice)
            return $"--class-weight {named} names the class \"{twice}\" twice; give it one weight.";
        if (options is { HeldOut: not null, Test: not null })
            return "Rows are held out and test data is given too (--validation-fraction or --folds, and --test); give one of them.";
        if (options.Epochs < options.SaveEvery)
            return $"--save-every {options.SaveEvery} comes to nothing within --epochs {options.Epochs}; expected at most as many.";
        if (options.SaveEvery > 0 && options.Out is null && options.Checkpoint is null)
            return $"--save-every {options.SaveEvery} is given without --out; name the model file.";
        return null;
    }

    // SVRG's step is w − η(… + λ₂w), a row at a time, on models of one score.
    private static string? Svrg(TrainingOptions options, int every)
    {
        string? other = (options.Model ?? options.Init?.Kind) is { } model && !ModelSpec.Of(model).HasScalarLoss ? $"--model {KindName.Of(model)}; expected --model linear, logistic or svm"
            : options.Rule != OptimizerKind.Sgd ? $"--optimizer {UpdateRules.Of(options.Rule).Facts.Name}; it is SGD with less variance: add --optimizer sgd"
            : options.L1 > 0 ? $"--l1 {options.L1}; it knows L2 only"
            : options.MaxNorm is { } radius ? $"--max-norm {radius}; it knows L2 only"
            : options.Batch is > 1 and { } batch ? $"--batch {batch}; it steps row by row"
            : options.Order == RowOrderKind.LargestLoss ? "--order largest-loss; its full gradient is that of all rows alike"
            : options.LocalSteps == 0 ? "--local-steps 0; workers step by themselves"
            : options.Exchange == ExchangeKind.Sparse ? "--exchange sparse; the full gradient moves every weight"
            : options.Epochs == 1 ? "--epochs 1; its first epoch computes the full gradient and takes no step: expected at least 2"
            : null;
        return other is null ? null : $"--svrg {every} doesn't go with {other}.";
    }

    private static string? Combination(TrainingOptions options, ClusterOptions cluster)
    {
        if (options.Threads is { } threads)
            return $"--threads {threads} is for embedded training; with --servers, --workers or --connect say --workers {threads}.";
        int servers = cluster.Connect.Count > 0 ? cluster.Connect.Count : cluster.Servers;
        if (options.StepsMax < cluster.Workers)
            return $"--steps-max {options.StepsMax} is less than one a worker of --workers {cluster.Workers}; expected at least as many steps.";
        if (options.Shards < servers)
            return $"--shards {options.Shards} is less than one a server; expected at least {servers}.";
        return null;
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new TrainingException(message);
    }
}
