using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Where a job will run, as far as its plan depends on it.</summary>
/// <param name="Workers">Workers, one partition each.</param>
/// <param name="Servers">Servers; 0 for embedded training.</param>
/// <param name="Name">The job's name.</param>
internal sealed record Deployment(int Workers, int Servers, string Name)
{
    public bool IsRemote => Servers > 0;
}

/// <summary>Everything that is decided before training: options with what was derived from the data in place of the nulls.</summary>
internal sealed class TrainingPlan
{
    private const int BlockRowsMin = 128;
    private const int RemoteBlockRowsMin = 512;
    private const int BlockRowsMax = 1024;
    private const int BlocksPerPartitionMin = 16;
    private const int RowsPerTraining = 1_000_000;
    private const long ShardBytesMax = 64L << 20;
    internal const int ScaledFeaturesMax = 4 << 20;
    private const long DenseValuesMax = 1L << 31;
    private const int EpochsMin = 5;
    private const int EpochsMax = 200;
    private const double DecayPerEpoch = 10;
    private const int GradientBatchMin = 8;
    private const int GradientBatchMax = 32;
    private const double FactorAStep = 0.5;
    private const int FallsATraining = 8;
    private const double ExponentialEnd = 0.01;

    // At the minimum steps bring nothing but noise.
    private const double StartedShare = 0.1;

    // The mean of a mini-batch bears so much longer steps than a row.
    private const int MeanGain = 4;

    // Over a wire a list of keys is worth its gathering at a quarter of the density.
    private const double RemoteListDensity = 0.25;

    // AdaGrad's sums of squares slow down what so many workers add up.
    private const float AdaGradWorkersFree = 2;

    // The averaged steps of many workers may be longer than one's, but not beyond what each takes: twice the default rate is 1/L.
    private const int SvrgRateScaleMax = 2;
    private const int SvrgBlocksPerPartitionMin = 4;

    // So many times does each feature occur, on average, between two exchanges, if that is reached within the block's bounds.
    private const int OccurrencesPerBlock = 16;

    // Most that the regulariser may shrink a weight within a block: η λ rows.
    private const double ShrinkagePerBlockMax = 0.02;

    private TrainingPlan(TrainingJob job, double rate, LabelMap labels, InitialParameters initial, int shards, string summary)
    {
        Job = job;
        Rate = rate;
        Labels = labels;
        Initial = initial;
        Shards = shards;
        Summary = summary;
    }

    public TrainingJob Job { get; }

    /// <summary>The learning rate as given or chosen; the job's is raised where differences of several workers are averaged.</summary>
    public double Rate { get; }

    public LabelMap Labels { get; }

    /// <summary>Parameters before the first step.</summary>
    public InitialParameters Initial { get; }

    public int Shards { get; }

    /// <summary>The state that the training goes on from; null: it begins.</summary>
    public Checkpoint? Before { get; private init; }

    /// <summary>One sentence: what was chosen.</summary>
    public string Summary { get; }

    /// <summary>The plan of a training that goes on from a checkpoint.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="data">The training data.</param>
    /// <returns>This plan, if there is no such file.</returns>
    /// <exception cref="TrainingException">The file is damaged or of another training, or nothing is left to be done.</exception>
    public TrainingPlan Continued(string path, Dataset data)
    {
        if (Checkpoint.Load(path, Job, data, Labels) is not { } done)
            return this;
        if (done.Epochs >= Job.Epochs || (Job.StepsMax > 0 && done.Steps >= Job.StepsMax))
            throw new TrainingException($"{path} holds the state after {Plural.Of(done.Epochs, "epoch")} ({Plural.Of(done.Steps, "step")}): nothing is left to be done of {(done.Epochs >= Job.Epochs ? $"--epochs {Job.Epochs}" : $"--steps-max {Job.StepsMax}")}. Give more, or delete it to begin anew.");
        return new TrainingPlan(Job with { EpochsBefore = done.Epochs, StepsBefore = done.Steps }, Rate, Labels, new InitialParameters(0, done.States) { AreStates = true }, Shards,
            $"{Summary}; goes on from {path}, behind epoch {done.Epochs} of {Job.Epochs}{(Job.Order == RowOrderKind.LargestLoss ? ", at first in random order: losses of rows are not kept" : "")}")
        { Before = done };
    }

    /// <summary>The exception of a training that diverged, with what to change.</summary>
    /// <param name="what">What was seen, and where.</param>
    /// <param name="inner">What it came from.</param>
    public TrainingException Diverged(string what, Exception? inner = null)
    {
        string scaling = Job.Scaling is null ? ", or add --scale on" : "";
        return new TrainingException($"The training diverged: {what}. Give a --learning-rate below {Rate:G4}{scaling}.", inner);
    }

    /// <summary>Decides.</summary>
    /// <exception cref="TrainingException">Options that make no sense for this data; both are named.</exception>
    public static TrainingPlan Make(Dataset data, TrainingOptions options, Deployment deployment, string? dataPath)
    {
        OptionCheck.Throw(options, data, deployment);
        TaskChoice choice = TaskChoice.Choose(data, options);
        (ModelSpec model, LabelMap labels) = (choice.Model, choice.Labels);
        bool isNetwork = model.Network is not null;
        FeatureScaling? scaling = options.Init is { } init ? WarmStart.Scaling(init, data, options)
            : data.FeatureCount > ScaledFeaturesMax ? null
            : FeatureScaling.Fit(data, (int)data.FeatureCount, isNetwork ? NetworkOptions.Scaling(data, options) : options.Scaling, strengthGiven: options.L2 is not null || options.C is not null || options.MaxNorm is not null || options.L1 > 0);
        if (scaling is { DenseColumns.Length: var dense } && dense * data.RowCount > DenseValuesMax)
            throw new TrainingException($"--scale {KindName.Of(options.Scaling)} gives each of {data.RowCount:N0} rows {dense:N0} values, more than {DenseValuesMax:N0} altogether; --scale max-abs keeps zeros.");
        RowWeighting? weighting = RowWeighting.Fit(data, labels, ClassWeights.Of(options.ClassWeight, data, labels));
        if (weighting is not null && model.IsRanking)
            throw new TrainingException($"Weights of rows don't go with --model {KindName.Of(model.Kind)}, which learns pairs of rows; leave them out.");
        RateDefaults defaults = RateDefaults.Of(data, labels, scaling, weighting);
        if (options.SnapshotEvery is { } every && !model.HasScalarLoss)
            throw new TrainingException($"--svrg {every} doesn't go with the labels' model, {KindName.Of(model.Kind)}; expected --model linear, logistic or svm.");
        (options, double l2, LeastSquaresStart? start) = ModelDefaults.Of(data, options, model, labels, scaling, weighting);
        if (start is not null)
            defaults = defaults.WithLargest(data, scaling);
        bool gradients = isNetwork || RuleCheck.PushesGradients(options);
        int batch = options.Batch ?? (isNetwork ? NetworkOptions.Batch(data) : gradients ? GradientRows(data.RowCount / deployment.Workers) : 1);
        double meanGain = gradients && !isNetwork && options.Rule == OptimizerKind.Sgd ? Math.Min(batch, MeanGain) : 1;
        double rate = options.LearningRate ?? (options.SnapshotEvery is null ? defaults.Rate(model, options.Rule) * meanGain * (start is { IsWhole: true } ? StartedShare : 1) : defaults.SvrgRate(model));
        bool sparse = IsSparse(data, options, deployment, isNetwork ? batch : BlockRowsMax);
        (float mergeScale, double rateScale) = options.SnapshotEvery is null ? Merging(options.Rule, deployment.Workers) : (1f / deployment.Workers, Math.Min(deployment.Workers, SvrgRateScaleMax));
        int localSteps = gradients ? 0 : options.LocalSteps ?? (options.SnapshotEvery is null
            ? LocalSteps(data, options.Rule, batch, deployment, rate * Math.Max(l2, options.L1))
            : Math.Max(LocalSteps(data, options.Rule, batch, deployment, 0), SvrgSteps(data, deployment)));
        int epochs = options.Epochs ?? Epochs(options, batch, data.RowCount, isNetwork, start is not null);
        var job = new TrainingJob
        {
            Name = deployment.Name,
            Model = model,
            Rule = Rule(options, defaults, model, l2, Schedule(options, data.RowCount, batch, epochs, localSteps == 0 ? rate : rate * rateScale)),
            Features = Math.Max(Math.Max(1, data.FeatureCount), options.Init?.FeatureCount ?? 0),
            Sparse = sparse,
            Epochs = epochs,
            StepsMax = options.StepsMax ?? 0,
            SecondsMax = options.SecondsMax ?? 0,
            SnapshotEvery = options.SnapshotEvery ?? 0,
            AverageFrom = options.Average is { } part ? 1 + (long)(part * Schedule(options, data.RowCount, batch, epochs, rate).TotalSteps) : 0,
            RowCount = data.RowCount,
            Batch = batch,
            LocalSteps = localSteps,
            // A network learns worse from gradients that are another push behind than it gains by not waiting.
            Prefetch = options.Prefetch ?? (deployment.IsRemote && !isNetwork ? 1 : 0),
            MergeScale = localSteps == 0 ? 1 : mergeScale,
            BiasShare = options.Rule == OptimizerKind.Sgd ? defaults.BiasShare : 1,
            Scaling = scaling,
            Weighting = weighting,
            HeldOut = options.HeldOut,
            Order = options.Order,
            Preprocessing = data.Preprocessing,
            Streams = Streams(data, model, options),
            Targets = isNetwork ? NetworkOptions.Targets(model, defaults) : null,
            Augmentation = isNetwork ? NetworkOptions.Augmentation(data, options) : null,
            MaxNorm = (float)(options.MaxNorm ?? 0),
            Clip = new GradientClip((float)(options.ClipValue ?? 0), (float)(options.ClipNorm ?? 0)),
            Seed = options.Seed,
            Partitions = deployment.Workers,
            Data = dataPath is null ? null : Describe(dataPath, data, labels, deployment.Workers),
        };
        JobLimits.Check(job, data, deployment.IsRemote ? 0 : deployment.Workers, options.Checkpoint is not null, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        InitialParameters initial = options.Init is { } begun ? WarmStart.Begin(begun, job, data, labels)
            : isNetwork ? InitialParameters.OfNetwork(job)
            : start is not null ? new InitialParameters(0, start.Parameters)
            : new InitialParameters(job.BiasKey, defaults.Bias(model));
        return new TrainingPlan(job, rate, labels, initial, ShardCount(job, options, deployment), Summarize(job, data, options, rate, start is not null, deployment) + (choice.Reason.Length == 0 ? "" : $"; {choice.Reason}"));
    }

    // Gathered rows are as large as the data itself; what doesn't fit beside it is gathered block by block.
    private static bool Streams(Dataset data, ModelSpec model, TrainingOptions options)
    {
        if (options.Order == RowOrderKind.Interleaved && !model.IsBinary && !model.IsMulticlass)
            throw new TrainingException("--order interleaved needs rows of one class each; leave it out.");
        if (options.Order != RowOrderKind.Shuffled && model.IsRanking)
            throw new TrainingException($"--order {KindName.Of(options.Order)} doesn't go with --model svm-rank, whose queries stay together; leave it out.");
        const int RowBytes = 16, NonZeroBytes = 8;
        bool streams = data.NonZeroCount * NonZeroBytes + data.RowCount * RowBytes > (options.MemoryMax ?? TrainingOptions.MemoryMaxDefault);
        if (streams && (data.HasQueries || data.HasLabelSets || options.Order == RowOrderKind.Interleaved))
            throw new TrainingException($"The rows don't fit in {(options.MemoryMax is { } max ? $"--memory-max {max}" : "half of the memory")}, and rows with queries or several labels, or in --order interleaved, can't be streamed; give more memory.");
        return streams;
    }

    private static IEnumerable<string> Steps(RowPreprocessing steps)
    {
        if (steps.HashBits > 0)
            yield return $"features hashed to 2^{steps.HashBits} with seed {steps.HashSeed}";
        if (steps.Normalizes)
            yield return "rows of length 1";
        if (steps.Whitening is { } whitening)
            yield return $"{whitening.Features:N0} features whitened to {whitening.Components:N0}";
    }

    private static JobData Describe(string path, Dataset data, LabelMap labels, int workers)
    {
        DataFingerprint file = DataFingerprint.Of(path);
        return new JobData(path, data.SourceBytes, data.SourceRowCount, data.IndexBase == IndexBase.Zero ? 0 : 1, labels.Negative, labels.Positive)
        {
            ClassLabels = labels.Classes,
            Layout = data.Layout,
            Weights = data.WeightsPath is null ? null : Path.GetFullPath(data.WeightsPath),
            StoredBytes = file.StoredBytes,
            Sample = file.Sample,
            PartitionRows = [.. Enumerable.Range(0, workers).Select(partition => data.Rows(new Partition(partition, workers)).Sum(range => range.Count))],
        };
    }

    // Whole ranges cost time for every key at each push; lists cost an index a key, and the gathering of it. Over a wire, bytes weigh more.
    private static bool IsSparse(Dataset data, TrainingOptions options, Deployment deployment, int rows)
    {
        if (options.MaxNorm is not null || options.SnapshotEvery is not null || options.Augment is not null)
            return false;
        if (options.Exchange != ExchangeKind.Auto)
            return options.Exchange == ExchangeKind.Sparse;
        double nonZerosPerBlock = (double)data.NonZeroCount / data.RowCount * rows;
        return data.FeatureCount > nonZerosPerBlock * (deployment.IsRemote ? RemoteListDensity : 1);
    }

    // What many workers add up in one round must not overshoot: SGD's differences are averaged and its rate raised to match; AdaGrad's
    // sums of squares, which add up, slow it down by themselves, enough for two.
    private static (float MergeScale, double RateScale) Merging(OptimizerKind optimizer, int workers) =>
        optimizer == OptimizerKind.Sgd ? (1f / workers, workers) : (Math.Min(1f, AdaGradWorkersFree / workers), 1);

    private static int LocalSteps(Dataset data, OptimizerKind optimizer, int batch, Deployment deployment, double rateTimesStrength)
    {
        double nonZerosPerRow = Math.Max(1, (double)data.NonZeroCount / data.RowCount);
        double wanted = OccurrencesPerBlock * data.FeatureCount / nonZerosPerRow;
        // A lone thread reads its own writes only: merging more often gives it nothing.
        long rows = deployment.Workers == 1 ? BlockRowsMax : deployment.IsRemote ? RemoteBlockRowsMin : BlockRowsMin;
        while (rows < wanted && rows < BlockRowsMax)
            rows *= 2;
        // A small partition is still merged several times an epoch, and a strong regulariser acts often enough to be a small force.
        rows = Math.Min(rows, Math.Max(1, data.RowCount / deployment.Workers / BlocksPerPartitionMin));
        if (optimizer == OptimizerKind.Sgd && rateTimesStrength > 0)
            rows = (long)Math.Min(rows, Math.Max(1, ShrinkagePerBlockMax / rateTimesStrength));
        return (int)Math.Max(1, rows / batch);
    }

    // A small partition has several mini-batches too. All have about as many rows: each counts as one mean, and a last one of a few rows would make these count more.
    private static int GradientRows(long partitionRows)
    {
        long wanted = Math.Clamp(partitionRows / BlocksPerPartitionMin, GradientBatchMin, GradientBatchMax), rows = Math.Max(1, partitionRows);
        long batches = (rows + wanted - 1) / wanted;
        return (int)((rows + batches - 1) / batches);
    }

    // With snapshots a block touches every key twice: so many rows that this is little beside their non-zeros.
    private static int SvrgSteps(Dataset data, Deployment deployment) =>
        (int)Math.Min((double)data.FeatureCount * data.RowCount / Math.Max(1, data.NonZeroCount), data.RowCount / deployment.Workers / SvrgBlocksPerPartitionMin);

    private static int Epochs(TrainingOptions options, int batch, long rows, bool isNetwork, bool isStarted) => options.StepsMax is { } steps
        ? (int)Math.Clamp(Math.Ceiling((double)steps * batch / rows), 1, int.MaxValue)
        : isStarted ? EpochsMin
        : isNetwork ? Math.Max(UsualEpochs(rows), NetworkOptions.EpochsOfFewRows(rows, batch))
        : UsualEpochs(rows);

    /// <summary>Passes over so many rows where nothing says how many.</summary>
    public static int UsualEpochs(long rows) => (int)Math.Clamp((RowsPerTraining + rows - 1) / rows, EpochsMin, EpochsMax);

    private static UpdateRule Rule(TrainingOptions options, RateDefaults defaults, ModelSpec model, double l2, Schedule schedule) => new()
    {
        Optimizer = options.Rule,
        Schedule = schedule,
        L1 = options.L1,
        L2 = l2,
        Momentum = (float)(options.Momentum ?? 0),
        Rho = (float)(options.Rho ?? 0),
        Rho2 = (float)(options.Rho2 ?? 0),
        Delta = (float)(options.Delta ?? defaults.Constant(model, options.Rule, RuleConstant.Delta)),
        Beta = (float)(options.Beta ?? defaults.Constant(model, options.Rule, RuleConstant.Beta)),
        DelayCompensation = (float)(options.DelayCompensation ?? 0),
        StalenessAware = options.StalenessAware,
    };

    private static Schedule Schedule(TrainingOptions options, long rows, int batch, int epochs, double rate)
    {
        double stepsPerEpoch = Math.Max(1, (double)rows / batch);
        long total = Math.Max(1, Math.Min(options.StepsMax ?? long.MaxValue, (long)(stepsPerEpoch * epochs)));
        if (options.Warmup >= total)
            throw new TrainingException($"--warmup {options.Warmup} leaves nothing of the training's {Plural.Of(total, "step")}; expected less.");
        ScheduleKind kind = RuleCheck.ScheduleOf(options);
        return new Schedule(kind, rate, options.Decay ?? DecayPerEpoch / stepsPerEpoch, total)
        {
            Factor = options.DecayFactor ?? (kind == ScheduleKind.Exponential ? Math.Pow(ExponentialEnd, 1.0 / total) : FactorAStep),
            StepLength = options.DecaySteps ?? Math.Max(1, total / FallsATraining),
            Warmup = options.Warmup,
        };
    }

    private static string Describe(Schedule schedule)
    {
        string falls = schedule.Kind switch
        {
            ScheduleKind.Step => $" by {schedule.Factor:G4} every {Plural.Of(schedule.StepLength, "step")}",
            ScheduleKind.Exponential => $" by {schedule.Factor:G6} a step",
            _ => "",
        };
        return $"{KindName.Of(schedule.Kind)}{falls}{(schedule.Warmup > 0 ? $" after {Plural.Of(schedule.Warmup, "step")} of warm-up" : "")}";
    }

    private static int ShardCount(TrainingJob job, TrainingOptions options, Deployment deployment)
    {
        long bytes = job.KeyCount * job.KeyFloats.State * sizeof(float);
        return options.Shards ?? (int)Math.Max(Math.Max(1, deployment.Servers), (bytes + ShardBytesMax - 1) / ShardBytesMax);
    }

    private static string Summarize(TrainingJob job, Dataset data, TrainingOptions options, double rate, bool begunFromLeastSquares, Deployment deployment)
    {
        string Chosen(bool given) => given ? "" : " (chosen)";
        string[] parts =
        [
            $"{job.Model}{Chosen(options.Model is not null)}",
            job.Rule.Form.Facts.Name,
            $"rate {rate:G4}{Chosen(options.LearningRate is not null)} {Describe(job.Rule.Schedule)}",
            .. job.SnapshotEvery > 0 ? [$"a full gradient every {Plural.Of(job.SnapshotEvery, "epoch")}"] : Array.Empty<string>(),
            $"l2 {job.Rule.L2:G4}{Chosen(options.L2 is not null || options.C is not null)}",
            $"{Plural.Of(job.Epochs, "epoch")}{Chosen(options.Epochs is not null)}",
            job.LocalSteps > 0
                ? $"{(job.Sparse ? "sparse" : "dense")} exchange every {Plural.Of(job.RowsPerBlock, "row")}{Chosen(options.Exchange != ExchangeKind.Auto && options.LocalSteps is not null)}"
                : $"{(job.Sparse ? "sparse" : "dense")} gradients of {Plural.Of(job.Batch, "row")}{Chosen(options.Exchange != ExchangeKind.Auto && options.Batch is not null)}",
            .. job.Scaling is null ? Array.Empty<string>() : ["columns scaled"],
            .. Steps(data.Preprocessing),
            .. job.Order == RowOrderKind.Shuffled ? Array.Empty<string>() : [$"order {KindName.Of(job.Order)}"],
            .. job.Streams ? ["rows streamed"] : Array.Empty<string>(),
            .. job.Weighting is null ? Array.Empty<string>() : ["rows weighted"],
            .. options.Init is null ? Array.Empty<string>() : ["begun from a model"],
            .. begunFromLeastSquares ? ["begun from least squares"] : Array.Empty<string>(),
        ];
        double nonZeros = (double)data.NonZeroCount / data.RowCount;
        return $"{string.Join(", ", parts)}; {Plural.Of(data.RowCount, "row")}, {Plural.Of(data.FeatureCount, "feature")}, {nonZeros:F1} non-zeros a row; {Plural.Of(deployment.Workers, deployment.IsRemote ? "worker" : "thread")}";
    }
}
