using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Shared.Exchange;
using DistSgd.Trainer.Cluster;
using DistSgd.Trainer.Embedded;

namespace DistSgd.Trainer;

/// <summary>Trains models.</summary>
public static class SgdTrainer
{
    // A thread for fewer rows costs more than it brings.
    private const int RowsPerThreadMin = 64;

    /// <summary>Trains in this process, one worker a thread; nothing to install, no sockets.</summary>
    /// <param name="data">The training data; can be disposed when the task is done.</param>
    /// <param name="options">How; the defaults work.</param>
    /// <param name="cancellationToken">Gives up between blocks of rows.</param>
    /// <exception cref="TrainingException">Options that make no sense for this data, or a divergence; the message says what to do.</exception>
    /// <exception cref="LabelException">Labels that don't fit the model.</exception>
    public static async Task<TrainingResult> TrainAsync(Dataset data, TrainingOptions options, CancellationToken cancellationToken = default)
    {
        OptionCheck.ThrowIfRefused(options, null);
        using TrainingSet set = TrainingSet.Of(data, options, cancellationToken);
        (data, options) = (set.Train, options with { Test = set.Test });
        options = await StrengthChoice.MadeAsync(data, options, cancellationToken);
        int threads = options.Threads ?? (int)Math.Min(Math.Min(Environment.ProcessorCount, options.StepsMax ?? long.MaxValue), Math.Max(1, data.RowCount / RowsPerThreadMin));
        TrainingPlan plan = Plan(data, options, new Deployment(threads, 0, "embedded"), null);
        if (options.Test is not null)
            plan.Labels.Check(options.Test);
        Tell(options, plan);
        cancellationToken.ThrowIfCancellationRequested();
        await using EmbeddedBackend backend = EmbeddedBackend.Create(plan.Job, plan.Shards, data, plan.Labels);
        cancellationToken.ThrowIfCancellationRequested();
        await backend.StartAsync(plan.Initial, cancellationToken);
        return await RunAsync(plan, options, data, backend, cancellationToken);
    }

    /// <summary>Trains on servers and workers over gRPC: processes of this machine that end with this one, or a cluster that runs already.</summary>
    /// <param name="data">The training data, as the workers will read it from the cluster options' file.</param>
    /// <param name="options">How; the defaults work.</param>
    /// <param name="cluster">Where.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="TrainingException">Options that make no sense, a server or worker that is lost, a divergence; the message says what to do.</exception>
    /// <exception cref="ParameterException">A server stayed away beyond the deadline.</exception>
    /// <exception cref="LabelException">Labels that don't fit the model.</exception>
    public static async Task<TrainingResult> TrainAsync(Dataset data, TrainingOptions options, ClusterOptions cluster, CancellationToken cancellationToken = default)
    {
        OptionCheck.ThrowIfRefused(options, cluster);
        using TrainingSet set = TrainingSet.Of(data, options, cancellationToken);
        (data, options) = (set.Train, options with { Test = set.Test });
        options = await StrengthChoice.MadeAsync(data, options, cancellationToken);
        if (!data.Weights.IsEmpty && data.WeightsPath is null && data.Layout?.Columns.Any(column => column.Role == CsvRole.Weight) != true)
            throw new TrainingException("Workers can't see weights that were given in memory; give them in a file (ReadOptions.Weights).");
        int servers = cluster.Connect.Count > 0 ? cluster.Connect.Count : cluster.Servers;
        var deployment = new Deployment(cluster.Workers, servers, $"train-{Environment.ProcessId}-{Guid.NewGuid():N}"[..24]);
        TrainingPlan plan = Plan(data, options, deployment, Path.GetFullPath(cluster.Data));
        if (options.Test is not null)
            plan.Labels.Check(options.Test);
        Tell(options, plan);
        cancellationToken.ThrowIfCancellationRequested();
        await using ClusterBackend backend = await ClusterBackend.CreateAsync(plan, cluster, options.Notice, cancellationToken);
        try
        {
            return await RunAsync(plan, options, data, backend, cancellationToken);
        }
        catch (Exception failure)
        {
            backend.GiveUp(failure);
            throw;
        }
    }

    private static TrainingPlan Plan(Dataset data, TrainingOptions options, Deployment deployment, string? dataPath)
    {
        TrainingPlan plan = TrainingPlan.Make(data, options, deployment, dataPath);
        return options.Checkpoint is { } path ? plan.Continued(path, data) : plan;
    }

    private static void Tell(TrainingOptions options, TrainingPlan plan)
    {
        options.Notice?.Invoke(plan.Summary);
        if (NetworkOptions.Warning(options) is { } warning)
            options.Notice?.Invoke(warning);
    }

    internal static async Task<TrainingResult> RunAsync(TrainingPlan plan, TrainingOptions options, Dataset data, ITrainingBackend backend, CancellationToken cancellationToken)
    {
        try
        {
            return await new TrainingRun(plan, options, data, backend).RunAsync(cancellationToken);
        }
        catch (ParameterException refused) when (refused.Fault == ParameterFault.NotFinite)
        {
            throw plan.Diverged($"a worker computed NaN or infinite values{(refused.Step is { } step ? $" in the steps from {step:N0} on" : "")}", refused);
        }
    }
}
