using System.Diagnostics;

namespace DistSgd.TestKit;

/// <summary>Programs that are not ours, run to their end.</summary>
public static class ForeignProgram
{
    /// <summary>Debian's Python.</summary>
    public const string Python = "/usr/bin/python3";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    /// <summary>The root of this checkout.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Runs a program and sees that it succeeded.</summary>
    /// <param name="program">Its path, or a name found on PATH.</param>
    /// <param name="args">Its arguments.</param>
    /// <returns>The lines of its output.</returns>
    public static async Task<string[]> MustAsync(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program, args) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["GRPC_ENABLE_FORK_SUPPORT"] = "0";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} didn't start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using var bound = new CancellationTokenSource(Deadline);
        try
        {
            await process.WaitForExitAsync(bound.Token);
        }
        catch (OperationCanceledException late)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', args)} has not ended within {Deadline}.", late);
        }
        return process.ExitCode == 0
            ? (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new InvalidOperationException($"{program} {string.Join(' ', args)} ended with {process.ExitCode}:\n{await output}\n{await errors}");
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DistSgd.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} has DistSgd.sln.");
    }
}
