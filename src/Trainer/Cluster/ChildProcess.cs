using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DistSgd.Shared.CommandLine;

namespace DistSgd.Trainer.Cluster;

/// <summary>
/// A server or worker on this machine that ends with this process, however this process dies: the child watches the standard input
/// whose other end is held here.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    // Has both programs as commands named by their roles; the only one where it is compiled to native code.
    private const string ProgramOfAll = "distsgd";

    // What a child may take to end when it is told to; what a killed one may take until the operating system says so and its streams are read.
    private static readonly TimeSpan EndDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan KillDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan InterruptPatience = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly ChildOutput _errors;
    private readonly Task _errorsRead;
    private Task _outputRead = Task.CompletedTask;

    private ChildProcess(Process process, string role)
    {
        _process = process;
        Role = role;
        Exited = process.WaitForExitAsync();
        _errors = new ChildOutput(process.StandardError);
        _errorsRead = _errors.ReadAsync();
    }

    /// <summary>"server" or "worker".</summary>
    public string Role { get; }

    /// <summary>The operating system's number.</summary>
    public int Id => _process.Id;

    /// <summary>Done when it has ended.</summary>
    public Task Exited { get; }

    /// <summary>The next line of its standard output; null at its end.</summary>
    public ValueTask<string?> ReadLineAsync(CancellationToken cancellationToken) => _process.StandardOutput.ReadLineAsync(cancellationToken);

    /// <summary>Nothing more is wanted of its standard output: it is read and forgotten.</summary>
    public void IgnoreOutput() => _outputRead = new ChildOutput(_process.StandardOutput).ReadAsync();

    /// <summary>Starts one of the programs that lie beside this one.</summary>
    /// <param name="directory">Where they lie.</param>
    /// <param name="program">The program's name.</param>
    /// <param name="role">"server" or "worker".</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="TrainingException">It isn't there or can't be started.</exception>
    public static ChildProcess Start(string directory, string program, string role, IEnumerable<string> arguments)
    {
        string path = Path.Combine(directory, program);
        string all = Path.Combine(directory, ProgramOfAll);
        if (!File.Exists(path) && !File.Exists(all))
            throw new TrainingException($"The {role} program isn't there: neither {path} nor {all}. Build the whole solution, or name its folder.");
        ProcessStartInfo start = File.Exists(path) ? new(path, arguments) : new(all, [role, .. arguments]);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        start.UseShellExecute = false;
        // The child's launcher finds the same runtime that this process runs on, also where it isn't installed in the usual place; a native program brings its own.
        if (RuntimeFeature.IsDynamicCodeSupported)
            start.Environment.TryAdd("DOTNET_ROOT", Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")));
        try
        {
            return new ChildProcess(Process.Start(start)!, role);
        }
        catch (System.ComponentModel.Win32Exception refused)
        {
            throw new TrainingException($"The {role} program {start.FileName} can't be started: {refused.Message}.", refused);
        }
    }

    /// <summary>Why it ended: its exit code and what it wrote to standard error first.</summary>
    /// <exception cref="OperationCanceledException">This process is asked to end too: ctrl-C reaches all processes of a terminal, maybe a child first.</exception>
    public async Task<string> ExplainAsync(CancellationToken cancellationToken)
    {
        await Exited;
        // Nothing broke: it was asked to end.
        if (_process.ExitCode is 0 or CommandRunner.ExitCodeInterrupted)
            await Task.Delay(InterruptPatience, cancellationToken);
        // Its error stream may have been left to a process that it started and that lives on.
        await Task.WhenAny(_errorsRead, Task.Delay(KillDeadline));
        string said = (_errorsRead.IsCompletedSuccessfully ? _errors.FirstLine : null) ?? "it said nothing";
        return $"The {Role} (process {Id}) ended with exit code {_process.ExitCode}: {said}";
    }

    /// <summary>True if it ended with an exit code other than 0.</summary>
    public bool Failed => Exited.IsCompleted && _process.ExitCode != 0;

    /// <summary>Tells it to end and waits; kills it after the deadline.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
            await Exited.WaitAsync(EndDeadline);
        }
        catch (Exception stubborn) when (stubborn is TimeoutException or IOException)
        {
            _process.Kill(entireProcessTree: true);
        }
        await Task.WhenAny(Task.WhenAll(Exited, _errorsRead, _outputRead), Task.Delay(KillDeadline));
        _process.Dispose();
    }
}
