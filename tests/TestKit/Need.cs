using System.Collections.Concurrent;
using System.Diagnostics;

namespace DistSgd.TestKit;

/// <summary>
/// Things outside the repository that some tests need, each named "kind:what":
/// python:MODULE (Debian's /usr/bin/python3 can import it), program:NAME (found on PATH), npm:FOLDER (its packages are installed), data:FILE (in the folder DISTSGD_DATA names), env:NAME (set).
/// </summary>
public static class Need
{
    private const int ProbeMillisecondsMax = 30_000;

    private static readonly ConcurrentDictionary<string, string?> Reasons = new(StringComparer.Ordinal);

    /// <summary>Where DISTSGD_REQUIRE_ALL is 1, nothing is skipped: what misses its need fails.</summary>
    public static bool IsEverythingRequired => Environment.GetEnvironmentVariable("DISTSGD_REQUIRE_ALL") == "1";

    /// <summary>Why the need isn't met, or null where it is.</summary>
    public static string? WhyMissing(string need) => Reasons.GetOrAdd(need, Probe);

    /// <summary>Throws the reason where the need isn't met: the first line of a test that can be reached with everything required.</summary>
    public static void Require(string need)
    {
        if (WhyMissing(need) is { } reason)
            throw new InvalidOperationException(reason);
    }

    private static string? Probe(string need)
    {
        var (kind, what) = need.Split(':', 2) is [var k, var w] ? (k, w) : throw new ArgumentException($"The need '{need}' isn't of the form kind:what.");
        return kind switch
        {
            "python" => ProbePython(what),
            "program" => ProbeProgram(what),
            "npm" => File.Exists(Path.Combine(ForeignProgram.Root, what, "node_modules", ".package-lock.json")) ? null : $"needs the packages of {what} (npm ci --prefix {what})",
            "data" => ProbeData(what),
            "env" => Environment.GetEnvironmentVariable(what) is { Length: > 0 } ? null : $"needs the environment variable {what}",
            _ => throw new ArgumentException($"The need '{need}' is of no known kind (python, program, npm, data, env)."),
        };
    }

    private static string? ProbePython(string module)
    {
        const string python = "/usr/bin/python3";
        if (!File.Exists(python))
            return $"needs {python} with the module {module}: there is no {python} (apt-get install python3)";
        using var process = Process.Start(new ProcessStartInfo(python, ["-c", $"import {module}"]) { RedirectStandardError = true, UseShellExecute = false })!;
        process.StandardError.ReadToEnd();
        return process.WaitForExit(ProbeMillisecondsMax) && process.ExitCode == 0
            ? null
            : $"needs {python} with the module {module} (Debian: apt-get install --no-install-recommends python3-{(module == "grpc" ? "grpcio" : module)})";
    }

    private static string? ProbeProgram(string name)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Any(folder => File.Exists(Path.Combine(folder, name))) ? null : $"needs the program {name} on PATH";
    }

    private static string? ProbeData(string file)
    {
        var folder = Environment.GetEnvironmentVariable("DISTSGD_DATA");
        if (string.IsNullOrEmpty(folder))
            return $"needs the data file {file}: set DISTSGD_DATA to the folder that has it";
        return File.Exists(Path.Combine(folder, file)) ? null : $"needs the data file {file}, which isn't in {folder} (DISTSGD_DATA)";
    }
}
