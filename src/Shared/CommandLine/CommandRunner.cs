using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace DistSgd.Shared.CommandLine;

/// <summary>Runs a command line: the same refusals, interruptions and exit codes for every program and command.</summary>
public static class CommandRunner
{
    /// <summary>Exit code of a failure: one sentence stands on standard error.</summary>
    public const int ExitCodeFailure = 1;

    /// <summary>Exit code of options that were refused before anything was done.</summary>
    public const int ExitCodeUsage = 2;

    /// <summary>Exit code after ctrl-C, SIGTERM or SIGHUP.</summary>
    public const int ExitCodeInterrupted = 130;

    /// <summary>Exit code of a command that only prints and whose reader has gone: as if SIGPIPE had ended it.</summary>
    public const int ExitCodeReaderGone = 141;

    // For what must be undone: temporary files, processes started here.
    private static readonly TimeSpan InterruptGrace = TimeSpan.FromSeconds(10);

    // A failure is one sentence, whatever a file's name or a server put into it.
    private const int SentenceCharsMax = 4096;

    // A file name that begins with @ is one, not a file of arguments.
    private static readonly ParserConfiguration Parser = new() { ResponseFileTokenReplacer = null };

    /// <summary>Parses, checks and runs.</summary>
    /// <param name="root">The command line.</param>
    /// <param name="program">The name that its users type.</param>
    /// <param name="args">Its arguments.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="isExpected">Whether an exception's message is a sentence for people; others are thrown.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(RootCommand root, string program, string[] args, TextWriter output, TextWriter error, Func<Exception, bool> isExpected)
    {
        using var interruption = Interruption.Take();
        var printed = CommandOutput.Of(output);
        error = CommandOutput.Of(error);
        CommandOutput.GoOn(error, kept: null);
        ParseResult parsed = root.Parse(args, Parser);
        try
        {
            // What can't be parsed has an action too, which prints; --help has one that is right in any case.
            if (parsed.Errors.Count > 0 && parsed.GetResult(root.Options.OfType<HelpOption>().First()) is null)
                throw new UsageException(UnknownWord.Explain(parsed) ?? parsed.Errors[0].Message);
            Arguments.Check(parsed);
            var invocation = new InvocationConfiguration { Output = printed, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            Task<int> running = Task.Run(() => parsed.InvokeAsync(invocation, interruption.Token), CancellationToken.None);
            int code = await EndAsync(running, interruption.Token);
            if (code == 0)
                printed.Conclude();
            return code;
        }
        catch (OutputLostException lost) when (lost.IsReaderGone)
        {
            return ExitCodeReaderGone;
        }
        catch (UsageException refused)
        {
            await error.WriteLineAsync($"{refused.Message}{Environment.NewLine}See: {program}{PathOf(parsed.CommandResult)} --help");
            return ExitCodeUsage;
        }
        catch (OperationCanceledException interrupted) when (interruption.Token.IsCancellationRequested)
        {
            await error.WriteLineAsync(interrupted is InterruptedException ? interrupted.Message : "Interrupted.");
            return ExitCodeInterrupted;
        }
        catch (OutOfMemoryException)
        {
            await error.WriteLineAsync("There is not enough memory for this; use fewer rows, features or threads, or a machine with more.");
            return ExitCodeFailure;
        }
        catch (Exception refused) when (isExpected(refused) || refused is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync(Printable.Text(refused.Message, SentenceCharsMax));
            return ExitCodeFailure;
        }
    }

    private static async Task<int> EndAsync(Task<int> running, CancellationToken interrupted)
    {
        try
        {
            return await running.WaitAsync(interrupted);
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            try
            {
                return await running.WaitAsync(InterruptGrace, CancellationToken.None);
            }
            catch (TimeoutException)
            {
                throw new InterruptedException($"Interrupted; what was under way did not end within {InterruptGrace.TotalSeconds:0} s and was given up.");
            }
        }
    }

    private static string PathOf(CommandResult result)
    {
        string path = "";
        for (SymbolResult? place = result; place is CommandResult { Command: not RootCommand } command; place = place.Parent)
            path = $" {command.Command.Name}{path}";
        return path;
    }
}

/// <summary>A command was interrupted; the message says in what, and what was and wasn't written.</summary>
/// <param name="message">One sentence.</param>
public sealed class InterruptedException(string message) : OperationCanceledException(message);
