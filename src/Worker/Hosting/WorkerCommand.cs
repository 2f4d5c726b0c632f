using System.CommandLine;
using DistSgd.Learning.Data;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker.Hosting;

/// <summary>The command <c>worker</c>: of the executable of this project and of <c>distsgd</c>.</summary>
public static class WorkerCommand
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    // At most a week.
    private static readonly NumberRange RetryRange = NumberRange.Whole("--retry-deadline", 1, 604_800);
    private static readonly NumberRange JobRange = NumberRange.Whole("--job-deadline", 1, 604_800);

    /// <summary>Makes the command.</summary>
    /// <param name="command">Takes options and action: a root command, or a subcommand.</param>
    public static T Configure<T>(T command)
        where T : Command
    {
        ValueOption coordinator = Arguments.Address("--coordinator", "Address of the job's coordinator (the first server).");
        coordinator.Required = true;
        ValueOption cache = Arguments.Choice("--cache", "Binary cache beside the data, as for distsgd train: auto reads it, require also makes one, of the whole file; one that is damaged, or made before the data changed, is not used.", typeof(CacheMode), "auto");
        ValueOption data = Arguments.FilePath("--data", "The training data on this machine; default: where the leader says it lies.");
        ValueOption retry = Arguments.Number(RetryRange, "Seconds for which a silent server is tried again.", "30", "S");
        ValueOption wait = Arguments.Number(JobRange, "Seconds to wait for a job; default: forever.", help: "S");
        Option<bool> quiet = Arguments.Flag("--quiet", "Print nothing but errors.");
        Option<bool> untilStdin = Arguments.Flag("--until-stdin-closes", "End when standard input ends, as local clusters use it to end with their parent.");
        foreach (Option option in (ReadOnlySpan<Option>)[coordinator, cache, data, retry, wait, quiet, untilStdin])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            CommandOutput.GoOn(output, kept: null);
            var options = new WorkerOptions
            {
                Coordinator = parsed.GetValue(coordinator)!,
                Data = parsed.GetValue(data),
                Cache = (CacheMode)parsed.Chosen(cache, typeof(CacheMode))!,
                RetryDeadline = parsed.Seconds(retry)!.Value,
                JobDeadline = parsed.Seconds(wait),
                Notice = parsed.GetValue(quiet) ? null : output.WriteLine,
            };
            return RunAsync(options, parsed.GetValue(untilStdin), cancellationToken);
        });
        return command;
    }

    /// <summary>Whether an exception of a worker says, in a sentence for people, why it could not do its part.</summary>
    public static bool IsExpected(Exception failure) => failure is WorkerException or ParameterException or DatasetException or LabelException;

    private static async Task<int> RunAsync(WorkerOptions options, bool untilStdin, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (untilStdin)
            ParentWatch.Start(Console.OpenStandardInput(), stop, Grace, Environment.Exit);
        try
        {
            await new WorkerHost(options).RunAsync(stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Nobody reads what a worker says whose parent is gone.
            return untilStdin ? CommandRunner.ExitCodeInterrupted : throw new InterruptedException("Interrupted; this worker's partition is not trained to its end.");
        }
    }
}
