using System.Diagnostics;
using DistSgd.TestKit;

namespace DistSgd.Interop.Tests;

/// <summary>Runs the scripts in python/ with Debian's python3, which has grpcio.</summary>
internal static class Python
{
    public const string Grpc = "python:grpc";

    private const string Interpreter = "/usr/bin/python3";

    public static Process Start(string script, params string[] arguments)
    {
        Need.Require(Grpc);
        var start = new ProcessStartInfo(Interpreter, [Path.Combine(AppContext.BaseDirectory, "python", script), .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["GRPC_ENABLE_FORK_SUPPORT"] = "0";
        return Process.Start(start) ?? throw new InvalidOperationException($"{Interpreter} didn't start.");
    }
}
