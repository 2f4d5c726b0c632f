using System.CommandLine;
using DistSgd.Learning.Data;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker.Hosting;

/// <summary>The command <c>worker</c>: of the executable of this project and of <c>distsgd</c>.</summary>
public static class WorkerCommand
{
    private const int ExitCodeFailure = 1;
    private const int ExitCodeCancelled = 130;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <summary>Makes the command.</summary>
    /// <param name="command">Takes options and action: a root command, or a subcommand.</param>
    public static T Configure<T>(T command)
        where T : Command
    {
        var coordinator = new Option<string>("--coordinator") { Description = "Address of the job's coordinator (the first server), host:port.", Required = true };
        var data = new Option<string?>("--data") { Description = "The training data on this machine; default: where the leader says it lies." };
        var retry = new Option<int>("--retry-deadline") { Description = "Seconds for which a silent server is tried again.", DefaultValueFactory = _ => 30 };
        var wait = new Option<int?>("--job-deadline") { Description = "Seconds to wait for a job; default: forever." };
        var quiet = new Option<bool>("--quiet") { Description = "Print nothing but errors." };
        var untilStdin = new Option<bool>("--until-stdin-closes") { Description = "End when standard input ends, as local clusters use it to end with their parent." };
        var cache = new Option<string>("--cache") { Description = "Binary cache beside the data: auto, off or require.", DefaultValueFactory = _ => "auto" };
        cache.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "auto", "off", "require");
        command.Add(coordinator);
        command.Add(cache);
        command.Add(data);
        command.Add(retry);
        command.Add(wait);
        command.Add(quiet);
        command.Add(untilStdin);
        command.SetAction((parsed, cancellationToken) =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            var options = new WorkerOptions
            {
                Coordinator = parsed.GetValue(coordinator)!,
                Data = parsed.GetValue(data),
                Cache = Enum.Parse<CacheMode>(parsed.GetValue(cache)!, ignoreCase: true),
                RetryDeadline = TimeSpan.FromSeconds(Math.Max(1, parsed.GetValue(retry))),
                JobDeadline = parsed.GetValue(wait) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                Notice = parsed.GetValue(quiet) ? null : output.WriteLine,
            };
            return RunAsync(options, parsed.GetValue(untilStdin), parsed.InvocationConfiguration.Error, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(WorkerOptions options, bool untilStdin, TextWriter error, CancellationToken cancellationToken)
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
            return ExitCodeCancelled;
        }
        catch (Exception refused) when (refused is WorkerException or ParameterException or DatasetException or LabelException)
        {
            await error.WriteLineAsync(refused.Message);
            return ExitCodeFailure;
        }
    }
}
