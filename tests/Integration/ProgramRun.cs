using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace DistSgd.Integration.Tests;

/// <summary>
/// <c>distsgd</c> as a real process. It and whatever it starts carry a mark in their environment, by which they are found, also when
/// their parent is gone; whatever is left is killed at the end.
/// </summary>
internal sealed class ProgramRun : IAsyncDisposable
{
    private const string MarkName = "DISTSGD_TEST_RUN";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>The program: the one that was built with the tests, or the one that DISTSGD_PROGRAM names.</summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable("DISTSGD_PROGRAM") is { Length: > 0 } named ? named : Path.Combine(AppContext.BaseDirectory, "distsgd");

    private readonly string _mark = Guid.NewGuid().ToString("N");
    private readonly string[] _args;
    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly Task _outputRead;
    private readonly Task<string> _error;
    private TaskCompletionSource _more = NewSignal();
    private bool _ended;

    private ProgramRun(string[] args, (string Name, string Value)[] environment, string? limit = null)
    {
        _args = args;
        string program = Program;
        var start = new ProcessStartInfo(limit is null ? program : "/bin/sh", limit is null ? args : ["-c", $"{limit} && exec \"$@\"", "sh", program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment[MarkName] = _mark;
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        start.Environment.TryAdd("DOTNET_ROOT", Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")));
        _process = Process.Start(start)!;
        _outputRead = ReadAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it.</summary>
    public static ProgramRun Start(params string[] args) => new(args, []);

    /// <summary>Starts it with environment variables.</summary>
    public static ProgramRun Start((string Name, string Value)[] environment, params string[] args) => new(args, environment);

    /// <summary>Starts it from a shell that first sets a limit.</summary>
    public static ProgramRun StartLimited(string limit, (string Name, string Value)[] environment, params string[] args) => new(args, environment, limit);

    /// <summary>Starts it, waits for its end, and sees that it succeeded and left no process behind.</summary>
    /// <returns>The lines of its output.</returns>
    public static Task<string[]> MustAsync(params string[] args) => MustAsync([], args);

    /// <summary>The same with environment variables.</summary>
    public static async Task<string[]> MustAsync((string Name, string Value)[] environment, params string[] args)
    {
        await using var run = new ProgramRun(args, environment);
        await run.EndsAsync(0);
        await run.NoneLeftAsync(TimeSpan.Zero);
        return run.Output;
    }

    /// <summary>The summary of a training with --json.</summary>
    public static async Task<JsonElement> TrainAsync(params string[] args) => JsonDocument.Parse((await MustAsync(["train", .. args, "--json"]))[^1]).RootElement;

    /// <summary>A server on a free port, listening.</summary>
    public static async Task<(ProgramRun Run, string Address)> ServerAsync(params string[] args)
    {
        ProgramRun run = Start(["server", "--listen", "127.0.0.1:0", "--json", .. args]);
        string line = await run.LineAsync("listening");
        return (run, JsonDocument.Parse(line).RootElement.GetProperty("address").GetString()!);
    }

    /// <summary>Starts a server that shows its metrics; they are to be asked for as /metrics.</summary>
    public static async Task<(ProgramRun Run, string Address, HttpClient Metrics)> MeteredServerAsync()
    {
        ProgramRun run = Start("server", "--listen", "127.0.0.1:0", "--metrics-port", "0", "--json");
        JsonElement listening = JsonDocument.Parse(await run.LineAsync("listening")).RootElement;
        return (run, listening.GetProperty("address").GetString()!, new HttpClient { BaseAddress = new Uri($"http://{listening.GetProperty("metrics").GetString()}") });
    }

    public string[] Output
    {
        get
        {
            lock (_output)
                return [.. _output];
        }
    }

    /// <summary>Waits for a line of output.</summary>
    /// <param name="contains">What is in it.</param>
    /// <param name="number">The how manieth such line, from 1.</param>
    public async Task<string> LineAsync(string contains, int number = 1)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            Task more;
            lock (_output)
            {
                if (_output.Where(line => line.Contains(contains, StringComparison.Ordinal)).Skip(number - 1).FirstOrDefault() is { } found)
                    return found;
                Assert.False(_ended, $"{this} ended without {number} lines with \"{contains}\": {string.Join('\n', _output)}");
                more = _more.Task;
            }
            TimeSpan left = Deadline - Stopwatch.GetElapsedTime(started);
            try
            {
                await more.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            }
            catch (TimeoutException)
            {
                Assert.Fail($"{this}: no {number} lines with \"{contains}\" within {Deadline}: {string.Join('\n', Output)}");
            }
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>What it wrote to standard error.</returns>
    public async Task<string> EndsAsync(params int[] codes)
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Deadline);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{this} has not ended within {Deadline}");
        }
        await _outputRead;
        string error = await _error;
        Assert.True(codes.Contains(_process.ExitCode), $"{this} ended with {_process.ExitCode}, not {string.Join(" or ", codes)}: {error}");
        return error;
    }

    /// <summary>Waits for its refusal: exit code 1 and one sentence.</summary>
    public async Task<string> FailsAsync(params string[] says)
    {
        string error = await EndsAsync(1);
        Assert.True(error.Trim().Split('\n').Length == 1, $"{this}: more than one line: {error}");
        foreach (string part in says)
            Assert.True(error.Contains(part, StringComparison.Ordinal), $"{this}: expected \"{part}\" in: {error}");
        return error;
    }

    /// <summary>Whether it has a file open.</summary>
    public bool HasOpen(string path)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{_process.Id}/fd").Any(entry => File.ResolveLinkTarget(entry, returnFinalTarget: false)?.FullName == path);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Sends it a signal, or several at once.</summary>
    public void Signal(params string[] names) => Signal(_process.Id, names);

    /// <summary>Sends signals to a process.</summary>
    public static void Signal(int process, params string[] names)
    {
        using var kill = Process.Start("/bin/sh", ["-c", string.Join("; ", names.Select(name => $"kill -{name} {process}"))]);
        kill.WaitForExit();
    }

    /// <summary>Numbers of the living servers that it started.</summary>
    public int[] Servers => Children("--listen");

    /// <summary>The same as soon as there are as many as wanted.</summary>
    public async Task<int[]> ServersAsync(Func<int, bool> isWanted)
    {
        long started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(ProbeInterval);
        while (true)
        {
            int[] servers = Servers;
            if (isWanted(servers.Length))
                return servers;
            Assert.True(Stopwatch.GetElapsedTime(started) <= Deadline, $"{this} has {servers.Length} servers after {Deadline}");
            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Numbers of the living workers that it started.</summary>
    public int[] Workers => Children("--coordinator");

    // Those that it started and whose command line has the word, whether they are programs of their own or the same one.
    private int[] Children(string words) => [.. Marked().Where(process => process.Id != _process.Id && process.Command.Contains(words, StringComparison.Ordinal)).Select(process => process.Id)];

    /// <summary>Sees that it and all it started are gone, at the latest after the grace.</summary>
    public async Task NoneLeftAsync(TimeSpan grace)
    {
        long started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(ProbeInterval);
        while (Marked() is { Length: > 0 } left)
        {
            Assert.True(Stopwatch.GetElapsedTime(started) <= grace, $"{this} left behind: {string.Join("; ", left)}");
            await timer.WaitForNextTickAsync();
        }
    }

    public override string ToString() => $"distsgd {string.Join(' ', _args)}";

    public async ValueTask DisposeAsync()
    {
        foreach ((int id, _) in Marked())
            Signal(id, "KILL");
        await _process.WaitForExitAsync().WaitAsync(Deadline);
        _process.Dispose();
    }

    private (int Id, string Command)[] Marked()
    {
        var found = new List<(int, string)>();
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out int id))
                continue;
            try
            {
                if (File.ReadAllText(Path.Combine(folder, "environ")).Contains($"{MarkName}={_mark}", StringComparison.Ordinal))
                    found.Add((id, File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ')));
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is another user's.
            }
        }
        return [.. found];
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            Add(line);
        Add(null);
    }

    private void Add(string? line)
    {
        TaskCompletionSource told;
        lock (_output)
        {
            if (line is null)
                _ended = true;
            else
                _output.Add(line);
            (told, _more) = (_more, NewSignal());
        }
        told.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
