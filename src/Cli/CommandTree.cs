using System.CommandLine;
using System.CommandLine.Help;
using DistSgd.Learning.Formats;
using DistSgd.ParamServer.Hosting;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;
using DistSgd.Worker.Hosting;

namespace DistSgd.Cli;

/// <summary>The command line: all subcommands, and what their failures look like.</summary>
public static class CommandTree
{
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
            GradcheckCommand.Build(),
            PlotCommand.Build(),
            BenchCommand.Build(),
            PullCommand.Build(),
            PushCommand.Build(),
            DoctorCommand.Build(),
            ServerCommand.Configure(new Command("server", "Run a parameter server.")),
            WorkerCommand.Configure(new Command("worker", "Run a worker: train one partition of a job.")),
        };
        HelpOption help = root.Options.OfType<HelpOption>().First();
        help.Action = new ExampleHelp((HelpAction)help.Action!);
        return root;
    }

    /// <summary>Runs the command line. Without arguments it shows its help, which is a misuse all the same.</summary>
    /// <param name="args">Its arguments.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        if (args.Length > 0)
            return await CommandRunner.RunAsync(Build(), "distsgd", args, output, error, IsExpected);
        await CommandRunner.RunAsync(Build(), "distsgd", ["--help"], output, error, IsExpected);
        return CommandRunner.ExitCodeUsage;
    }

    private static bool IsExpected(Exception failure) => ServerCommand.IsExpected(failure) || WorkerCommand.IsExpected(failure) || failure is TrainingException or ModelFileException or ArgumentException;
}
