using System.CommandLine;
using System.CommandLine.Parsing;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.ParamServer.Hosting;
using DistSgd.Shared.Exchange;
using DistSgd.Trainer;
using DistSgd.Worker.Hosting;

namespace DistSgd.Cli;

/// <summary>The command line: all subcommands, and what their failures look like.</summary>
public static class CommandTree
{
    /// <summary>Exit code of a failure: one sentence stands on standard error.</summary>
    public const int ExitCodeFailure = 1;

    /// <summary>Exit code of options that were not understood.</summary>
    public const int ExitCodeUsage = 2;

    /// <summary>Exit code after ctrl-C or SIGTERM.</summary>
    public const int ExitCodeCancelled = 130;

    /// <summary>Makes the command line.</summary>
    public static RootCommand Build()
    {
        var root = new RootCommand("DistSgd: stochastic gradient descent on a parameter server, in one process or many.")
        {
            TrainCommand.Build(),
            PredictCommand.Build(),
            EvaluateCommand.Build(),
            InspectCommand.Build(),
            GenerateCommand.Build(),
            BenchCommand.Build(),
            PullCommand.Build(),
            PushCommand.Build(),
            DoctorCommand.Build(),
            ServerCommand.Configure(new Command("server", "Run a parameter server.")),
            WorkerCommand.Configure(new Command("worker", "Run a worker: train one partition of a job.")),
        };
        return root;
    }

    /// <summary>Runs the command line.</summary>
    /// <param name="args">Its arguments.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        ParseResult parsed = Build().Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction)
        {
            return await RefuseAsync(parsed, parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is not a command or option here." : parsed.Errors[0].Message, error);
        }
        var invocation = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(10) };
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (UsageException refused)
        {
            return await RefuseAsync(parsed, refused.Message, error);
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("Interrupted; what was saved before is whole.");
            return ExitCodeCancelled;
        }
        catch (Exception refused) when (refused is TrainingException or DatasetException or LabelException or ModelFileException or ParameterException
            or ServerStartException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            await error.WriteLineAsync(refused.Message);
            return ExitCodeFailure;
        }
    }

    private static async Task<int> RefuseAsync(ParseResult parsed, string message, TextWriter error)
    {
        var words = new Stack<string>();
        for (SymbolResult? place = parsed.CommandResult; place is CommandResult { Command: not RootCommand } command; place = place.Parent)
            words.Push($"{command.Command.Name} ");
        await error.WriteLineAsync($"{message}{Environment.NewLine}See: distsgd {string.Concat(words)}--help");
        return ExitCodeUsage;
    }
}
