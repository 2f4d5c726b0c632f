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
    private static readonly (string Name, Func<Command> Build)[] Commands =
    [
        ("train", TrainCommand.Build),
        ("predict", PredictCommand.Build),
        ("evaluate", EvaluateCommand.Build),
        ("inspect", InspectCommand.Build),
        ("generate", GenerateCommand.Build),
        ("gradcheck", GradcheckCommand.Build),
        ("plot", PlotCommand.Build),
        ("bench", BenchCommand.Build),
        ("pull", PullCommand.Build),
        ("push", PushCommand.Build),
        ("doctor", DoctorCommand.Build),
        ("server", () => ServerCommand.Configure(new Command("server", "Run a parameter server."))),
        ("worker", () => WorkerCommand.Configure(new Command("worker", "Run a worker: train one partition of a job."))),
    ];

    /// <summary>Makes the command line.</summary>
    /// <param name="first">The first argument: if it is a subcommand's name, the others, whose hundreds of options take time to make, are left out.</param>
    public static RootCommand Build(string? first = null)
    {
        var root = new RootCommand("DistSgd: stochastic gradient descent on a parameter server, in one process or many.");
        bool isNamed = Commands.Any(command => command.Name == first);
        foreach ((string name, Func<Command> build) in Commands)
        {
            if (!isNamed || name == first)
                root.Add(build());
        }
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
            return await CommandRunner.RunAsync(Build(args[0]), "distsgd", args, output, error, IsExpected);
        await CommandRunner.RunAsync(Build(), "distsgd", ["--help"], output, error, IsExpected);
        return CommandRunner.ExitCodeUsage;
    }

    private static bool IsExpected(Exception failure) => ServerCommand.IsExpected(failure) || WorkerCommand.IsExpected(failure) || failure is TrainingException or ModelFileException or ArgumentException;
}
