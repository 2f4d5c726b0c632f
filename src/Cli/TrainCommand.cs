using System.CommandLine;
using System.Globalization;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;
using DistSgd.Trainer.Cluster;

namespace DistSgd.Cli;

/// <summary>The command <c>train</c>.</summary>
internal static class TrainCommand
{
    private static readonly ValueOption Data = Arguments.FilePath("--data", "Training data: LIBSVM text, CSV or IDX, plain or gzip; - is standard input; default: a generated click log.");
    private static readonly ValueOption Test = Arguments.FilePath("--test", "Test data, evaluated after each epoch.");
    private static readonly ValueOption ValidationFraction = Arguments.Text("--validation-fraction", "Share of the rows, chosen by the seed, that is not learned from but evaluated after each epoch, in place of --test.", "X", text => Share(text) is not null, "a number above 0 and below 1");
    private static readonly ValueOption Folds = Arguments.Number(TrainingRanges.Folds, "Cross-validate: train so many times, each without one part of the rows, and evaluate on that; no model is written.", help: "K");
    private static readonly ValueOption ClassWeight = Arguments.Text("--class-weight", "What classes count: balanced (all the same together), or label:weight,…; default: all rows count the same.", "balanced|LABEL:W,…", ClassWeights.Admits, OptionCheck.ClassWeightExpected);
    private static readonly ValueOption Init = Arguments.FilePath("--init", "Begin with this model's parameters, labels, columns and scaling; the data may have more features.", help: "MODEL");
    private static readonly ValueOption Model = Arguments.Choice("--model", "What is learned; default: two distinct labels mean logistic, several that look like classes softmax, real targets linear.", typeof(ModelKind));
    private static readonly ValueOption Loss = Arguments.Choice("--loss", "What is minimised; default: the model's usual loss.", typeof(LossKind));
    private static readonly ValueOption HuberDelta = Arguments.Number(TrainingRanges.HuberDelta, "Residual from which the Huber loss is linear; default: 1.", help: "X");
    private static readonly ValueOption Margin = Arguments.Number(TrainingRanges.Margin, "Margin of the Crammer-Singer and 0/1 losses; default: 1.", help: "X");
    private static readonly ValueOption Taxonomy = Arguments.FilePath("--taxonomy", "Tree of classes for the tree loss: a line CHILD PARENT for each node but the root.");
    private static readonly ValueOption C = Arguments.Number(TrainingRanges.C, "Strength of the loss as SVM solvers count it, in place of --l2: l2 = 1/(rows C).", help: "X");
    private static readonly ValueOption MaxNorm = Arguments.Number(TrainingRanges.MaxNorm, "Radius of the ball that the weights are projected onto; default: none.", help: "R");
    private static readonly ValueOption Hidden = Arguments.Text("--hidden", "Units of an MLP's hidden layers; default: 256,128.", "N,N,...", text => Units(text) is not null, $"whole numbers, 1 to {MlpSpec.UnitsMax:N0}, separated by commas");
    private static readonly ValueOption Activation = Arguments.Text("--activation", "Activation of an MLP's hidden layers: sigmoid, tanh, relu, leaky-relu[:SLOPE], elu[:ALPHA], maxout[:PIECES]; default: relu.", "NAME", MlpSpec.IsActivation, MlpSpec.ActivationExpected);
    private static readonly ValueOption InitWeights = Arguments.Choice("--init-weights", "How an MLP's weights are drawn; auto: he for the ReLU family and maxout, else glorot.", typeof(WeightInit));
    private static readonly Option<bool> BatchNorm = Arguments.Flag("--batch-norm", "Normalise the sums of an MLP's hidden units over each mini-batch.");
    private static readonly ValueOption Dropout = Arguments.Number(TrainingRanges.Dropout, "Probability with which training silences a hidden unit of an MLP; default: 0.", help: "P");
    private static readonly ValueOption Augment = Arguments.Text("--augment", "Random changes of an MLP's training images: flip, flip-vertical, shift[:PIXELS], rotate[:DEGREES], erase[:LINES], separated by commas.", "CHANGES", ImageAugmentation.IsText, ImageAugmentation.Expected);
    private static readonly ValueOption Optimizer = Arguments.Choice("--optimizer", "The update rule; default: adagrad; sgd for linear regression begun from least squares, and for two or more classes on dense features; adam for an MLP.", typeof(OptimizerKind));
    private static readonly ValueOption Epochs = Arguments.Number(TrainingRanges.Epochs, "Passes over the data; default: about a million rows altogether, 5 to 200 passes; 5 for a linear regression begun from least squares, 2,000 steps at least for an MLP.");
    private static readonly ValueOption SnapshotEvery = Arguments.Number(TrainingRanges.SnapshotEvery, "SVRG: an epoch that computes the full gradient before every so many epochs of steps, with --optimizer sgd; default: plain steps.", help: "E");
    private static readonly ValueOption Average = Arguments.Number(TrainingRanges.Average, "The model is the average of the parameters over the pushes behind this part of the steps, below 1; default: the last parameters.", help: "PART");
    private static readonly ValueOption StepsMax = Arguments.Number(TrainingRanges.StepsMax, "Steps of all workers together after which training ends, if the epochs haven't ended it.");
    private static readonly ValueOption SecondsMax = Arguments.Number(TrainingRanges.SecondsMax, "Seconds after which training ends, if the epochs haven't ended it.", help: "S");
    private static readonly ValueOption Tolerance = Arguments.Number(TrainingRanges.Tolerance, "Ends when an epoch changes the training loss by less than this part of it.", help: "X");
    private static readonly ValueOption GradientTolerance = Arguments.Number(TrainingRanges.GradientTolerance, "Ends when the gradient of the objective over all rows is at most so long; computed once an epoch.", help: "X");
    private static readonly ValueOption Patience = Arguments.Number(TrainingRanges.Patience, "Ends when the test loss has not improved for so many evaluations; the model is the best one.", help: "P");
    private static readonly ValueOption Batch = Arguments.Number(TrainingRanges.Batch, "Rows in a mini-batch; default: 1 where workers push differences, 8 to 32, by the number of rows, where they push gradients; for an MLP 16 to 128, by the number of rows.");
    private static readonly ValueOption Momentum = Arguments.Number(TrainingRanges.Momentum, RuleHelp(RuleConstant.Momentum, "What a velocity keeps a step"), help: "X");
    private static readonly ValueOption Rho = Arguments.Number(TrainingRanges.Rho, RuleHelp(RuleConstant.Rho, "What averages of gradients or squares keep a step"), help: "X");
    private static readonly ValueOption Rho2 = Arguments.Number(TrainingRanges.Rho2, RuleHelp(RuleConstant.Rho2, "What Adam's average of squares keeps a step"), help: "X");
    private static readonly ValueOption Delta = Arguments.Number(TrainingRanges.Delta, RuleHelp(RuleConstant.Delta, "What keeps denominators from 0"), help: "X");
    private static readonly ValueOption Beta = Arguments.Number(TrainingRanges.Beta, RuleHelp(RuleConstant.Beta, "What the root of squares is added to"), help: "X");
    private static readonly ValueOption LearningRate = Arguments.Number(TrainingRanges.LearningRate, "Learning rate at the first step; default: from the rows' norms.", help: "X");
    private static readonly ValueOption Schedule = Arguments.Choice("--schedule", "Shape of the learning rate over the steps; cosine and linear end at 0; default: linear, constant with adadelta, ftrl and --svrg.", typeof(ScheduleKind));
    private static readonly ValueOption Decay = Arguments.Number(TrainingRanges.Decay, "Decay of the inverse schedules, per step; default: 10 an epoch.", help: "X");
    private static readonly ValueOption DecayFactor = Arguments.Number(TrainingRanges.DecayFactor, "Factor of the step schedule at each fall, default: 0.5; of the exponential one a step, default: down to a hundredth.", help: "X");
    private static readonly ValueOption DecaySteps = Arguments.Number(TrainingRanges.DecaySteps, "Steps between two falls of the step schedule; default: an eighth of the training.");
    private static readonly ValueOption Warmup = Arguments.Number(TrainingRanges.Warmup, "Steps over which the rate first rises in a line, before any schedule.", "0");
    private static readonly ValueOption ClipValue = Arguments.Number(TrainingRanges.ClipValue, "Largest magnitude of an element of a mini-batch's gradient; default: no bound.", help: "X");
    private static readonly ValueOption ClipNorm = Arguments.Number(TrainingRanges.ClipNorm, "Largest norm of a mini-batch's gradient; default: no bound.", help: "X");
    private static readonly ValueOption DelayCompensation = Arguments.Number(TrainingRanges.DelayCompensation, "Strength with which gradients make up for what changed since they were computed; default: none.", help: "X");
    private static readonly Option<bool> StalenessAware = Arguments.Flag("--staleness-aware", "Apply a gradient that s pushes overtook at 1/(1+s) of the rate.");
    private static readonly ValueOption L1 = Arguments.Number(TrainingRanges.L1, "Strength of the L1 regulariser.", "0", "X");
    private static readonly ValueOption L2 = Arguments.Number(TrainingRanges.L2, "Strength of the L2 regulariser; default: 1/rows, 0.1/rows for real targets, 4/rows for margin losses steeper than the hinge, 20/rows for an MLP of two classes, at most 0.03 for an MLP; less where rows are many, and the best of a few on rows held out where features are many and nothing else is given.", help: "X");
    private static readonly ValueOption Scale = Arguments.Choice("--scale", "Whether columns are scaled for training; the model is always in the units of the data.", typeof(ScalingKind), "auto");
    private static readonly Option<bool> NormalizeRows = Arguments.Flag("--normalize-rows", "Divide each row by its L2 norm, in training and in prediction.");
    private static readonly ValueOption Whiten = Arguments.Number(TrainingRanges.Whiten, "PCA whitening of dense features to the N directions of largest variance, fitted on the training data, kept in the model.");
    private static readonly ValueOption Order = Arguments.Choice("--order", "Order of the rows: shuffled, as in the file, classes in turn, or those with the largest last loss first.", typeof(RowOrderKind), "shuffled");
    private static readonly ValueOption MemoryMax = Arguments.Number(TrainingRanges.MemoryMax, "Most bytes of rows in memory; what is larger is streamed from the binary cache in each epoch; default: half of the machine's memory.");
    private static readonly ValueOption Seed = Arguments.Number(TrainingRanges.Seed, "Seed of every order and draw.", "1");
    private static readonly ValueOption Threads = Arguments.Number(TrainingRanges.Threads, "Worker threads of an embedded training; default: as many as processors.");
    private static readonly ValueOption Servers = Arguments.Number(TrainingRanges.Servers, "Train over gRPC with so many server processes; default with --workers: 1.");
    private static readonly ValueOption Workers = Arguments.Number(TrainingRanges.Workers, "Train over gRPC with so many worker processes; default with --servers or --connect: 1.");
    private static readonly ValueOption Connect = Arguments.Addresses("--connect", "Servers that run already, the coordinator first; workers are then started by hand.");
    private static readonly ValueOption Consistency = Arguments.Choice("--consistency", "async: updates are applied as they arrive.", ["async"], "async");
    private static readonly ValueOption LocalSteps = Arguments.Number(TrainingRanges.LocalSteps, "Mini-batches between two pushes; 0 pushes gradients; default: by the data's density.");
    private static readonly ValueOption Prefetch = Arguments.Number(TrainingRanges.Prefetch, "Exchanges under way while a worker computes; default: 0 embedded and for networks, else 1.");
    private static readonly ValueOption Exchange = Arguments.Choice("--exchange", "How parameters are exchanged: whole ranges, or the keys of each block.", typeof(ExchangeKind), "auto");
    private static readonly ValueOption Shards = Arguments.Number(TrainingRanges.Shards, "Shards that the keys are cut into, at least one a server; default: one a server, more if they would be large.");
    private static readonly ValueOption RetryDeadline = Arguments.Number(TrainingRanges.RetryDeadline, "Seconds for which a silent server is tried again.", "30", "S");
    private static readonly ValueOption Out = Arguments.FilePath("--out", "The model file.", "model.safetensors", "MODEL");
    private static readonly ValueOption SaveEvery = Arguments.Number(TrainingRanges.SaveEvery, "Also save after every so many epochs; 0: only at the end.", "0");
    private static readonly ValueOption Checkpoint = Arguments.FilePath("--checkpoint", "Keep the training's state, optimizer and all, in FILE after every --save-every epochs (default with it: 1), and go on from there if FILE exists.");
    private static readonly Option<bool> Json = Arguments.Flag("--json", "Print one JSON object a line; the last is the summary.");

    /// <summary>All options, in the help's order: what is used most comes first.</summary>
    public static IReadOnlyList<OptionGroup> Groups { get; } =
    [
        new("Data", [Data, Test, ValidationFraction, Folds, Scale, NormalizeRows, Whiten, ClassWeight, Order, MemoryMax]),
        new("Model", [Model, Loss, L2, L1, C, MaxNorm, HuberDelta, Margin, Taxonomy, Init]),
        new("Training", [Epochs, Optimizer, LearningRate, Batch, Seed, Threads]),
        new("Output", [Out, SaveEvery, Checkpoint, Json]),
        new("When training ends", [Patience, Tolerance, GradientTolerance, StepsMax, SecondsMax]),
        new("Update rule", [Schedule, Warmup, Decay, DecayFactor, DecaySteps, Momentum, Rho, Rho2, Delta, Beta, ClipNorm, ClipValue, DelayCompensation, StalenessAware, SnapshotEvery, Average]),
        new("Multi-layer perceptrons", [Hidden, Activation, InitWeights, BatchNorm, Dropout, Augment]),
        new("Servers and workers", [Servers, Workers, Connect, Consistency, LocalSteps, Prefetch, Exchange, Shards, RetryDeadline]),
        new("Files", DataArguments.All),
    ];

    public static Command Build()
    {
        var command = new Command("train", "Train a model.");
        foreach (Option option in Groups.SelectMany(group => group.Options))
            command.Add(option);
        command.SetAction(RunAsync);
        return command;
    }

    // The rules that have the constant, by their usual value of it.
    private static string RuleHelp(RuleConstant constant, string meaning) => $"{meaning}; default: {string.Join("; ", UpdateRules.All
        .Where(rule => rule.Facts.Usual(constant) is not null)
        .GroupBy(rule => rule.Facts.Usual(constant))
        .Select(rules => string.Create(CultureInfo.InvariantCulture, $"{rules.Key} ({string.Join(", ", rules.Select(rule => rule.Facts.Name))})")))}.";

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string path = parsed.GetValue(Out)!;
        TrainingReport report = parsed.GetValue(Json) ? new JsonReport(parsed.InvocationConfiguration.Output) : new TextReport(parsed.InvocationConfiguration.Output, path);
        TrainedModel? init = parsed.GetValue(Init) is { } begun ? TrainedModel.Load(begun) : null;
        TrainingOptions options = Options(parsed, report) with { Init = init };
        ClusterOptions? cluster = IsRemote(parsed) ? Cluster(parsed) : null;
        Refuse(Conflict(parsed) ?? OptionCheck.Refusal(options, cluster) ?? (init is null ? null : DataArguments.Contradiction(parsed, init, parsed.GetValue(Init)!)));
        if (!parsed.IsGiven(Folds))
        {
            CommandOutput.GoOn(parsed.InvocationConfiguration.Output, $"{path} holds the model");
            OutputFile.Check(Out, path, parsed.GetValue(Data), parsed.GetValue(Test), parsed.GetValue(Taxonomy), DataArguments.WeightsOf(parsed));
        }
        if (parsed.GetValue(Checkpoint) is { } state)
            OutputFile.Check(Checkpoint, state, parsed.GetValue(Data), parsed.GetValue(Test), parsed.GetValue(Taxonomy), DataArguments.WeightsOf(parsed), parsed.GetValue(Init));
        try
        {
            using TrainingData data = await Interruptible.RunAsync(() => Read(parsed, init, options, cluster, cancellationToken), report.Interrupted(path, parsed.GetValue(Checkpoint)), cancellationToken);
            Refuse(DataArguments.Unused(parsed, data.Train.Layout));
            report.Data(data);
            options = options with { Test = data.Test, HashBits = data.Train.Layout is null ? DataArguments.HashBitsOf(parsed) : null };
            if (parsed.Count(Folds) is { } folds)
                return await ValidateAsync(data, options, folds, cluster is null ? null : cluster with { Data = data.Path! }, new FoldReport(parsed.InvocationConfiguration.Output, parsed.GetValue(Json)), cancellationToken);
            TrainingResult result = cluster is null
                ? await SgdTrainer.TrainAsync(data.Train, options, cancellationToken)
                : await SgdTrainer.TrainAsync(data.Train, options, cluster with { Data = data.Path! }, cancellationToken);
            if (data.Train.WaitForCache() is { } notice)
                report.Notice(notice);
            report.Summary(result);
            return 0;
        }
        catch (OperationCanceledException interrupted) when (cancellationToken.IsCancellationRequested && interrupted is not InterruptedException)
        {
            throw new InterruptedException(report.Interrupted(path, parsed.GetValue(Checkpoint)));
        }
    }

    private static async Task<int> ValidateAsync(TrainingData data, TrainingOptions options, int folds, ClusterOptions? cluster, FoldReport report, CancellationToken cancellationToken)
    {
        // What is chosen is much the same for all folds, and said once.
        Action<string>? notice = options.Notice;
        options = options with { Notice = sentence => Interlocked.Exchange(ref notice, null)?.Invoke(sentence) };
        report.Summary(await CrossValidation.RunAsync(data.Train, options, folds, cluster, report.Fold, cancellationToken));
        return 0;
    }

    private static double? Share(string text) => double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out double share) && share is > 0 and < 1 ? share : null;

    private static TrainingData Read(ParseResult parsed, TrainedModel? init, TrainingOptions options, ClusterOptions? cluster, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(Data) is not { } path)
            return TrainingData.Generate(parsed.Whole(Seed)!.Value, cluster is null ? null : new TemporaryFile(), cancellationToken);
        InputFile file = InputFile.Of(path);
        try
        {
            ReadOptions read = DataArguments.Read(parsed, init, parsed.Whole(MemoryMax) ?? TrainingOptions.MemoryMaxDefault, (ulong)parsed.Whole(Seed)!.Value, cancellationToken);
            DataFormat format = file.Read(place => FormatDetection.Of(place, read));
            Refuse(DataArguments.Unused(parsed, format, file.Name) ?? OptionCheck.Refusal(options with { HashBits = format == DataFormat.Csv ? null : DataArguments.HashBitsOf(parsed) }, cluster));
            return TrainingData.Open(file, parsed.GetValue(Test), read, DataArguments.CacheOf(parsed), hashed: DataArguments.HashBitsOf(parsed) is not null);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Refuse(string? refusal)
    {
        if (refusal is not null)
            throw new UsageException(refusal);
    }

    private static bool IsRemote(ParseResult parsed) => parsed.IsGiven(Servers) || parsed.IsGiven(Workers) || parsed.IsGiven(Connect);

    // What is asked for and would have no effect.
    private static string? Conflict(ParseResult parsed)
    {
        if (parsed.IsGiven(Connect) && parsed.IsGiven(Servers))
            return $"--servers {parsed.GetValue(Servers)} starts servers and --connect names servers that run already; give one of them.";
        if (parsed.GetValue(Checkpoint) is { } state && Path.GetFullPath(state) == Path.GetFullPath(parsed.GetValue(Out)!))
            return $"--checkpoint {state} is the model file of --out too; name another.";
        if (parsed.IsGiven(Connect) && !parsed.IsGiven(Data))
            return "--connect is given without --data; the workers must read the same file.";
        foreach (ValueOption option in (ValueOption[])[Test, ValidationFraction, Out, SaveEvery, Checkpoint])
        {
            if (parsed.IsGiven(Folds) && parsed.IsGiven(option))
                return $"{option.Name} {parsed.GetValue(option)} and --folds {parsed.GetValue(Folds)} don't go together: a cross-validation tests on its parts and writes no model; give one of them.";
        }
        if (parsed.IsGiven(Test) && parsed.IsGiven(ValidationFraction))
            return $"--test {parsed.GetValue(Test)} and --validation-fraction {parsed.GetValue(ValidationFraction)} both name what is evaluated; give one of them.";
        if (DataArguments.WeightsTwice(parsed) is { } twice)
            return twice;
        if ((ModelKind?)parsed.Chosen(Model, typeof(ModelKind)) == ModelKind.SvmRank && DataArguments.WeightsGiven(parsed) is { } weights)
            return $"{weights.Name} {parsed.GetValue(weights)} doesn't go with --model svm-rank, which learns pairs of rows; leave it out.";
        if (parsed.GetValue(Test) == InputFile.StandardInput)
            return "--test - would read standard input; only --data can. Name a file.";
        string? stream = InputFile.StreamOf(parsed.GetValue(Data));
        if (stream is not null && parsed.IsGiven(Connect))
            return $"--data {parsed.GetValue(Data)} is {stream}, which the workers of --connect cannot read; name a file that they have.";
        if (stream is not null && DataArguments.CacheOf(parsed) == CacheMode.Require)
            return $"--cache require has no effect on --data {parsed.GetValue(Data)}; leave it out.";
        if (parsed.IsGiven(RetryDeadline) && !IsRemote(parsed))
            return $"--retry-deadline {parsed.GetValue(RetryDeadline)} is for training over gRPC; give --servers, --workers or --connect too, or leave it out.";
        if (parsed.IsGiven(Patience) && parsed.IsGiven(Data) && !parsed.IsGiven(Test) && !parsed.IsGiven(ValidationFraction) && !parsed.IsGiven(Folds))
            return $"--patience {parsed.GetValue(Patience)} judges by the test loss, but there is no test set; give --test or --validation-fraction.";
        foreach (ValueOption option in (ValueOption[])[Test, .. DataArguments.All])
        {
            if (parsed.IsGiven(option) && !parsed.IsGiven(Data))
                return $"{option.Name} {parsed.GetValue(option)} is given without --data; name the training data, or leave it out.";
        }
        return null;
    }

    private static TrainingOptions Options(ParseResult parsed, TrainingReport report) => new()
    {
        Model = (ModelKind?)parsed.Chosen(Model, typeof(ModelKind)),
        Loss = (LossKind?)parsed.Chosen(Loss, typeof(LossKind)),
        HuberDelta = parsed.Number(HuberDelta),
        Margin = parsed.Number(Margin),
        Taxonomy = parsed.GetValue(Taxonomy),
        ClassWeight = parsed.GetValue(ClassWeight),
        HeldOut = parsed.GetValue(ValidationFraction) is { } text ? HoldOut.Share(Share(text)!.Value) : null,
        C = parsed.Number(C),
        MaxNorm = parsed.Number(MaxNorm),
        Hidden = parsed.GetValue(Hidden) is { } units ? Units(units) : null,
        Activation = parsed.GetValue(Activation),
        InitWeights = (WeightInit?)parsed.Chosen(InitWeights, typeof(WeightInit)),
        BatchNorm = parsed.GetValue(BatchNorm),
        Dropout = parsed.Number(Dropout),
        Augment = parsed.GetValue(Augment),
        Optimizer = (OptimizerKind?)parsed.Chosen(Optimizer, typeof(OptimizerKind)),
        Epochs = parsed.Count(Epochs),
        SnapshotEvery = parsed.Count(SnapshotEvery),
        Average = parsed.Number(Average),
        StepsMax = parsed.Whole(StepsMax),
        SecondsMax = parsed.Number(SecondsMax),
        Tolerance = parsed.Number(Tolerance),
        GradientTolerance = parsed.Number(GradientTolerance),
        Patience = parsed.Count(Patience),
        Batch = parsed.Count(Batch),
        Momentum = parsed.Number(Momentum),
        Rho = parsed.Number(Rho),
        Rho2 = parsed.Number(Rho2),
        Delta = parsed.Number(Delta),
        Beta = parsed.Number(Beta),
        LearningRate = parsed.Number(LearningRate),
        Schedule = (ScheduleKind?)parsed.Chosen(Schedule, typeof(ScheduleKind)),
        Decay = parsed.Number(Decay),
        DecayFactor = parsed.Number(DecayFactor),
        DecaySteps = parsed.Count(DecaySteps),
        Warmup = parsed.Count(Warmup)!.Value,
        ClipValue = parsed.Number(ClipValue),
        ClipNorm = parsed.Number(ClipNorm),
        DelayCompensation = parsed.Number(DelayCompensation),
        StalenessAware = parsed.GetValue(StalenessAware),
        L1 = parsed.Number(L1)!.Value,
        L2 = parsed.Number(L2),
        Scaling = (ScalingKind)parsed.Chosen(Scale, typeof(ScalingKind))!,
        NormalizeRows = parsed.GetValue(NormalizeRows),
        Whiten = parsed.Count(Whiten),
        Order = (RowOrderKind)parsed.Chosen(Order, typeof(RowOrderKind))!,
        MemoryMax = parsed.Whole(MemoryMax),
        Seed = (ulong)parsed.Whole(Seed)!.Value,
        Threads = parsed.Count(Threads),
        LocalSteps = parsed.Count(LocalSteps),
        Prefetch = parsed.Count(Prefetch),
        Exchange = (ExchangeKind)parsed.Chosen(Exchange, typeof(ExchangeKind))!,
        Shards = parsed.Count(Shards),
        Out = parsed.GetValue(Out),
        SaveEvery = parsed.Count(SaveEvery)!.Value,
        Checkpoint = parsed.GetValue(Checkpoint),
        Progress = report.Progress,
        Saved = report.Saved,
        Notice = report.Notice,
    };

    // Null if they aren't units of layers.
    private static int[]? Units(string text)
    {
        string[] words = text.Split(',', StringSplitOptions.TrimEntries);
        int[] units = [.. words.Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0)];
        return units.All(number => number is >= 1 and <= MlpSpec.UnitsMax) ? units : null;
    }

    // The data's place is known when it has been read or made.
    private static ClusterOptions Cluster(ParseResult parsed) => new()
    {
        Servers = parsed.Count(Servers) ?? 1,
        Workers = parsed.Count(Workers) ?? 1,
        Connect = parsed.Servers(Connect),
        Data = "",
        Cache = parsed.IsGiven(Data) ? DataArguments.CacheOf(parsed) : CacheMode.Off,
        RetryDeadline = parsed.Seconds(RetryDeadline)!.Value,
    };
}
