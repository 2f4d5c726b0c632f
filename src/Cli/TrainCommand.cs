using System.CommandLine;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Trainer;
using DistSgd.Trainer.Cluster;

namespace DistSgd.Cli;

/// <summary>The command <c>train</c>.</summary>
internal static class TrainCommand
{
    private static readonly Option<string?> Data = new("--data") { Description = "Training data, LIBSVM text, plain or gzip; default: a generated click log." };
    private static readonly Option<string?> Test = new("--test") { Description = "Test data, evaluated after each epoch." };
    private static readonly Option<ModelKind?> Model = Names.OptionalChoice<ModelKind>("--model", "What is learned; default: two distinct labels mean logistic, real targets linear.");
    private static readonly Option<OptimizerKind> Optimizer = Names.Choice("--optimizer", "The update rule.", OptimizerKind.AdaGrad);
    private static readonly Option<int?> Epochs = new("--epochs") { Description = "Passes over the data; default: about a million rows altogether, 5 to 200 passes." };
    private static readonly Option<int> Batch = new("--batch") { Description = "Rows in a mini-batch.", DefaultValueFactory = _ => 1 };
    private static readonly Option<double?> LearningRate = new("--learning-rate") { Description = "Learning rate at the first step; default: from the rows' norms." };
    private static readonly Option<ScheduleKind> Schedule = Names.Choice("--schedule", "Shape of the learning rate over the steps; cosine and linear end at 0.", ScheduleKind.Linear);
    private static readonly Option<double?> Decay = new("--decay") { Description = "Decay of the inverse schedules, per step; default: 10 an epoch." };
    private static readonly Option<double> L1 = new("--l1") { Description = "Strength of the L1 regulariser.", DefaultValueFactory = _ => 0 };
    private static readonly Option<double?> L2 = new("--l2") { Description = "Strength of the L2 regulariser; default: 1/rows." };
    private static readonly Option<ScalingKind> Scale = Names.Choice("--scale", "Whether columns are scaled for training; the model is always in the units of the data.", ScalingKind.Auto);
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of every order and draw.", DefaultValueFactory = _ => 1 };
    private static readonly Option<int?> Threads = new("--threads") { Description = "Worker threads of an embedded training; default: as many as processors." };
    private static readonly Option<int?> Servers = new("--servers") { Description = "Train over gRPC with so many server processes." };
    private static readonly Option<int?> Workers = new("--workers") { Description = "Train over gRPC with so many worker processes; default with --servers: 1." };
    private static readonly Option<string[]> Connect = new("--connect") { Description = "Servers that run already, host:port, the coordinator first; workers are then started by hand.", AllowMultipleArgumentsPerToken = true, CustomParser = Names.ParseList };
    private static readonly Option<string> Consistency = new("--consistency") { Description = "async: updates are applied as they arrive.", DefaultValueFactory = _ => "async" };
    private static readonly Option<int?> LocalSteps = new("--local-steps") { Description = "Mini-batches between two pushes; 0 pushes gradients; default: by the data's density." };
    private static readonly Option<int?> Prefetch = new("--prefetch") { Description = "Exchanges under way while a worker computes, 0 or 1; default: 0 embedded, 1 over gRPC." };
    private static readonly Option<ExchangeKind> Exchange = Names.Choice("--exchange", "How parameters are exchanged: whole ranges, or the keys of each block.", ExchangeKind.Auto);
    private static readonly Option<int?> Shards = new("--shards") { Description = "Shards that the keys are cut into; default: one a server, more if they would be large." };
    private static readonly Option<string> Out = new("--out") { Description = "The model file.", DefaultValueFactory = _ => "model.safetensors" };
    private static readonly Option<int> SaveEvery = new("--save-every") { Description = "Also save after every so many epochs; 0: only at the end.", DefaultValueFactory = _ => 0 };
    private static readonly Option<IndexBase> Base = Names.Choice("--index-base", "Lowest feature index of the files.", IndexBase.Auto);
    private static readonly Option<CacheMode> Cache = Names.Choice("--cache", "Binary cache beside the data, so that a second run does not parse.", CacheMode.Auto);
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object a line; the last is the summary." };

    public static Command Build()
    {
        var command = new Command("train", "Train a model.")
        {
            Data, Test, Model, Optimizer, Epochs, Batch, LearningRate, Schedule, Decay, L1, L2, Scale, Seed, Threads, Servers, Workers, Connect, Consistency,
            LocalSteps, Prefetch, Exchange, Shards, Out, SaveEvery, Base, Cache, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        Check(parsed);
        TrainingReport report = parsed.GetValue(Json)
            ? new JsonReport(parsed.InvocationConfiguration.Output)
            : new TextReport(parsed.InvocationConfiguration.Output, parsed.GetValue(Out)!);
        using TrainingData data = parsed.GetValue(Data) is { } path
            ? TrainingData.Open(path, parsed.GetValue(Test), parsed.GetValue(Base), parsed.GetValue(Cache))
            : TrainingData.Generate((long)parsed.GetValue(Seed), IsRemote(parsed));
        report.Data(data);
        TrainingOptions options = Options(parsed, data, report);
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
        if (IsRemote(parsed) && parsed.GetValue(Threads) is { } threads)
            throw new TrainingException($"--threads {threads} is for embedded training; with --servers or --workers say --workers {threads}.");
        if (parsed.GetValue(Servers) is < 1 or > 1000)
            throw new TrainingException($"--servers is {parsed.GetValue(Servers)}; expected 1 to 1000.");
        if (parsed.GetValue(Workers) is < 1 or > 1000)
            throw new TrainingException($"--workers is {parsed.GetValue(Workers)}; expected 1 to 1000.");
        if (parsed.GetValue(Connect) is { Length: > 0 } && parsed.GetValue(Servers) is { } servers)
            throw new TrainingException($"--servers {servers} starts servers and --connect names servers that run already; give one of them.");
        if (parsed.GetValue(Connect) is { Length: > 0 } && parsed.GetValue(Data) is null)
            throw new TrainingException("--connect needs --data: the workers must read the same file.");
        string directory = Path.GetDirectoryName(Path.GetFullPath(parsed.GetValue(Out)!))!;
        if (!Directory.Exists(directory))
            throw new TrainingException($"--out {parsed.GetValue(Out)}: the folder {directory} isn't there.");
    }

    private static TrainingOptions Options(ParseResult parsed, TrainingData data, TrainingReport report) => new()
    {
        Model = parsed.GetValue(Model),
        Optimizer = parsed.GetValue(Optimizer),
        Epochs = parsed.GetValue(Epochs),
        Batch = parsed.GetValue(Batch),
        LearningRate = parsed.GetValue(LearningRate),
        Schedule = parsed.GetValue(Schedule),
        Decay = parsed.GetValue(Decay),
        L1 = parsed.GetValue(L1),
        L2 = parsed.GetValue(L2),
        Scaling = parsed.GetValue(Scale),
        Seed = parsed.GetValue(Seed),
        Threads = parsed.GetValue(Threads),
        LocalSteps = parsed.GetValue(LocalSteps),
        Prefetch = parsed.GetValue(Prefetch),
        Exchange = parsed.GetValue(Exchange),
        Shards = parsed.GetValue(Shards),
        Test = data.Test,
        Out = parsed.GetValue(Out),
        SaveEvery = parsed.GetValue(SaveEvery),
        Progress = report.Progress,
        Notice = report.Notice,
    };

    private static ClusterOptions Cluster(ParseResult parsed, TrainingData data) => new()
    {
        Servers = parsed.GetValue(Servers) ?? 1,
        Workers = parsed.GetValue(Workers) ?? 1,
        Connect = parsed.GetValue(Connect) ?? [],
        Data = data.Path!,
    };
}
