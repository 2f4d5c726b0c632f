using System.CommandLine;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Trainer;
using DistSgd.Trainer.Cluster;

namespace DistSgd.Cli;

/// <summary>The command <c>train</c>.</summary>
internal static class TrainCommand
{
    private static readonly Option<string?> Data = Arguments.Text("--data", "Training data, LIBSVM text, plain or gzip; default: a generated click log.", help: "FILE");
    private static readonly Option<string?> Test = Arguments.Text("--test", "Test data, evaluated after each epoch.", help: "FILE");
    private static readonly Option<string?> Model = Arguments.Choice("--model", "What is learned; default: two distinct labels mean logistic, several that look like classes softmax, real targets linear.", typeof(ModelKind));
    private static readonly Option<string?> Loss = Arguments.Choice("--loss", "What is minimised; default: the model's usual loss.", typeof(LossKind));
    private static readonly Option<string?> HuberDelta = Arguments.Text("--huber-delta", "Residual from which the Huber loss is linear; default: 1.", help: "X");
    private static readonly Option<string?> Margin = Arguments.Text("--margin", "Margin of the Crammer-Singer and 0/1 losses; default: 1.", help: "X");
    private static readonly Option<string?> Taxonomy = Arguments.Text("--taxonomy", "Tree of classes for the tree loss: a line CHILD PARENT for each node but the root.", help: "FILE");
    private static readonly Option<string?> C = Arguments.Text("--C", "Strength of the loss as SVM solvers count it, in place of --l2: l2 = 1/(rows C).", help: "X");
    private static readonly Option<string?> MaxNorm = Arguments.Text("--max-norm", "Radius of the ball that the weights are projected onto; default: none.", help: "R");
    private static readonly Option<string?> Optimizer = Arguments.Choice("--optimizer", "The update rule.", typeof(OptimizerKind), "adagrad");
    private static readonly Option<string?> Epochs = Arguments.Text("--epochs", "Passes over the data; default: about a million rows altogether, 5 to 200 passes.", help: "N");
    private static readonly Option<string?> Batch = Arguments.Text("--batch", "Rows in a mini-batch.", "1", "N");
    private static readonly Option<string?> LearningRate = Arguments.Text("--learning-rate", "Learning rate at the first step; default: from the rows' norms.", help: "X");
    private static readonly Option<string?> Schedule = Arguments.Choice("--schedule", "Shape of the learning rate over the steps; cosine and linear end at 0.", typeof(ScheduleKind), "linear");
    private static readonly Option<string?> Decay = Arguments.Text("--decay", "Decay of the inverse schedules, per step; default: 10 an epoch.", help: "X");
    private static readonly Option<string?> L1 = Arguments.Text("--l1", "Strength of the L1 regulariser.", "0", "X");
    private static readonly Option<string?> L2 = Arguments.Text("--l2", "Strength of the L2 regulariser; default: 1/rows, 4/rows for margin losses steeper than the hinge.", help: "X");
    private static readonly Option<string?> Scale = Arguments.Choice("--scale", "Whether columns are scaled for training; the model is always in the units of the data.", typeof(ScalingKind), "auto");
    private static readonly Option<string?> Seed = Arguments.Text("--seed", "Seed of every order and draw.", "1", "N");
    private static readonly Option<string?> Threads = Arguments.Text("--threads", "Worker threads of an embedded training; default: as many as processors.", help: "N");
    private static readonly Option<string?> Servers = Arguments.Text("--servers", "Train over gRPC with so many server processes; default with --workers: 1.", help: "N");
    private static readonly Option<string?> Workers = Arguments.Text("--workers", "Train over gRPC with so many worker processes; default with --servers: 1.", help: "N");
    private static readonly Option<string[]> Connect = new("--connect") { Description = "Servers that run already, the coordinator first; workers are then started by hand.", HelpName = "HOST:PORT,…", AllowMultipleArgumentsPerToken = true, CustomParser = Arguments.List };
    private static readonly Option<string?> Consistency = Arguments.Text("--consistency", "async: updates are applied as they arrive.", "async", "async");
    private static readonly Option<string?> LocalSteps = Arguments.Text("--local-steps", "Mini-batches between two pushes; 0 pushes gradients; default: by the data's density.", help: "N");
    private static readonly Option<string?> Prefetch = Arguments.Text("--prefetch", "Exchanges under way while a worker computes, 0 or 1; default: 0 embedded, 1 over gRPC.", help: "N");
    private static readonly Option<string?> Exchange = Arguments.Choice("--exchange", "How parameters are exchanged: whole ranges, or the keys of each block.", typeof(ExchangeKind), "auto");
    private static readonly Option<string?> Shards = Arguments.Text("--shards", "Shards that the keys are cut into; default: one a server, more if they would be large.", help: "N");
    private static readonly Option<string?> RetryDeadline = Arguments.Text("--retry-deadline", "Seconds for which a silent server is tried again.", "30", "S");
    private static readonly Option<string?> Out = Arguments.Text("--out", "The model file.", "model.safetensors", "MODEL");
    private static readonly Option<string?> SaveEvery = Arguments.Text("--save-every", "Also save after every so many epochs; 0: only at the end.", "0", "N");
    private static readonly Option<string?> Base = Arguments.Choice("--index-base", "Lowest feature index of the files.", typeof(IndexBase), "auto");
    private static readonly Option<string?> Cache = Arguments.Choice("--cache", "Binary cache beside the data, so that a second run does not parse.", typeof(CacheMode), "auto");
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object a line; the last is the summary." };

    public static Command Build()
    {
        var command = new Command("train", "Train a model.")
        {
            Data, Test, Model, Loss, HuberDelta, Margin, Taxonomy, C, MaxNorm, Optimizer, Epochs, Batch, LearningRate, Schedule, Decay, L1, L2, Scale, Seed, Threads, Servers, Workers, Connect, Consistency,
            LocalSteps, Prefetch, Exchange, Shards, RetryDeadline, Out, SaveEvery, Base, Cache, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        Check(parsed);
        var caching = (CacheMode)parsed.Chosen(Cache, typeof(CacheMode))!;
        var indexBase = (IndexBase)parsed.Chosen(Base, typeof(IndexBase))!;
        TrainingReport report = parsed.GetValue(Json)
            ? new JsonReport(parsed.InvocationConfiguration.Output)
            : new TextReport(parsed.InvocationConfiguration.Output, parsed.GetValue(Out)!);
        TrainingOptions options = Options(parsed, report);
        using TrainingData data = parsed.GetValue(Data) is { } path
            ? TrainingData.Open(path, parsed.GetValue(Test), indexBase, caching)
            : TrainingData.Generate(parsed.Whole(Seed)!.Value, IsRemote(parsed));
        report.Data(data);
        options = options with { Test = data.Test };
        TrainingResult result = IsRemote(parsed)
            ? await SgdTrainer.TrainAsync(data.Train, options, Cluster(parsed, data), cancellationToken)
            : await SgdTrainer.TrainAsync(data.Train, options, cancellationToken);
        if (data.Train.WaitForCache() is { } notice)
            report.Notice(notice);
        report.Summary(result);
        return 0;
    }

    private static bool IsRemote(ParseResult parsed) =>
        parsed.GetValue(Servers) is not null || parsed.GetValue(Workers) is not null || parsed.GetValue(Connect) is { Length: > 0 };

    private static void Check(ParseResult parsed)
    {
        if (parsed.GetValue(Consistency) != "async")
            throw new TrainingException($"--consistency is '{parsed.GetValue(Consistency)}'; this version offers async.");
        if (IsRemote(parsed) && parsed.Count(Threads) is { } threads)
            throw new TrainingException($"--threads {threads} is for embedded training; with --servers or --workers say --workers {threads}.");
        if (parsed.Count(Servers) is < 1 or > 1000)
            throw new TrainingException($"--servers is {parsed.GetValue(Servers)}; expected 1 to 1000.");
        if (parsed.Count(Workers) is < 1 or > 1000)
            throw new TrainingException($"--workers is {parsed.GetValue(Workers)}; expected 1 to 1000.");
        if (parsed.GetValue(Connect) is { Length: > 0 } && parsed.GetValue(Servers) is { } servers)
            throw new TrainingException($"--servers {servers} starts servers and --connect names servers that run already; give one of them.");
        if (parsed.GetValue(Connect) is { Length: > 0 } && parsed.GetValue(Data) is null)
            throw new TrainingException("--connect needs --data: the workers must read the same file.");
        if ((parsed.GetValue(Connect) ?? []).FirstOrDefault(server => !ServerAddress.IsValid(server)) is { } address)
            throw new UsageException($"--connect has '{address}'; expected host:port, for example 10.0.0.5:7070.");
        if (parsed.Count(RetryDeadline) < 1)
            throw new UsageException($"--retry-deadline is {parsed.GetValue(RetryDeadline)}; expected at least 1 second.");
        OutputFile.Check(parsed.GetValue(Out)!, parsed.GetValue(Data), parsed.GetValue(Test));
    }

    private static TrainingOptions Options(ParseResult parsed, TrainingReport report) => new()
    {
        Model = (ModelKind?)parsed.Chosen(Model, typeof(ModelKind)),
        Loss = (LossKind?)parsed.Chosen(Loss, typeof(LossKind)),
        HuberDelta = parsed.Number(HuberDelta),
        Margin = parsed.Number(Margin),
        Taxonomy = parsed.GetValue(Taxonomy),
        C = parsed.Number(C),
        MaxNorm = parsed.Number(MaxNorm),
        Optimizer = (OptimizerKind)parsed.Chosen(Optimizer, typeof(OptimizerKind))!,
        Epochs = parsed.Count(Epochs),
        Batch = parsed.Count(Batch)!.Value,
        LearningRate = parsed.Number(LearningRate),
        Schedule = (ScheduleKind)parsed.Chosen(Schedule, typeof(ScheduleKind))!,
        Decay = parsed.Number(Decay),
        L1 = parsed.Number(L1)!.Value,
        L2 = parsed.Number(L2),
        Scaling = (ScalingKind)parsed.Chosen(Scale, typeof(ScalingKind))!,
        Seed = (ulong)parsed.Whole(Seed)!.Value,
        Threads = parsed.Count(Threads),
        LocalSteps = parsed.Count(LocalSteps),
        Prefetch = parsed.Count(Prefetch),
        Exchange = (ExchangeKind)parsed.Chosen(Exchange, typeof(ExchangeKind))!,
        Shards = parsed.Count(Shards),
        Out = parsed.GetValue(Out),
        SaveEvery = parsed.Count(SaveEvery)!.Value,
        Progress = report.Progress,
        Notice = report.Notice,
    };

    private static ClusterOptions Cluster(ParseResult parsed, TrainingData data) => new()
    {
        Servers = parsed.Count(Servers) ?? 1,
        Workers = parsed.Count(Workers) ?? 1,
        Connect = parsed.GetValue(Connect) ?? [],
        Data = data.Path!,
        Cache = (CacheMode)parsed.Chosen(Cache, typeof(CacheMode))!,
        RetryDeadline = TimeSpan.FromSeconds(parsed.Count(RetryDeadline)!.Value),
    };
}
