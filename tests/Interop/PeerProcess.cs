using System.Diagnostics;
using DistSgd.TestKit;

namespace DistSgd.Interop.Tests;

/// <summary>
/// A foreign peer in a process of its own, spoken to line by line; it ends when its standard input closes, so never later than this process. One caller at a time.
/// </summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly Task<string> _errors;

    private PeerProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>What it said first.</summary>
    public string Greeting { get; private set; } = "";

    /// <summary>Starts a script of this project and waits for its greeting.</summary>
    /// <param name="program">The interpreter.</param>
    /// <param name="script">Relative to this project's folder.</param>
    /// <param name="arguments">The script's.</param>
    public static async Task<PeerProcess> StartAsync(string program, string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, [Path.Combine(ForeignProgram.Root, "tests/Interop", script), .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["GRPC_ENABLE_FORK_SUPPORT"] = "0";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        start.Environment["NODE_PATH"] = Path.Combine(ForeignProgram.Root, Node.Packages, "node_modules");
        var peer = new PeerProcess(Process.Start(start) ?? throw new InvalidOperationException($"{program} didn't start."));
        peer.Greeting = await peer.ReadAsync();
        return peer;
    }

    /// <summary>Says one line and reads one.</summary>
    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        return await ReadAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            _process.Kill();
            throw;
        }
        finally
        {
            _process.Dispose();
        }
    }

    private async Task<string> ReadAsync() =>
        await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience)
            ?? throw new InvalidOperationException($"The peer has ended: {await _errors.WaitAsync(Patience)}");
}

/// <summary>Debian's python3, which has grpcio.</summary>
internal static class Python
{
    public const string Grpc = "python:grpc", Protobuf = "python:google.protobuf", Compiler = "program:protoc", Plugin = "program:grpc_python_plugin";
}

/// <summary>Node, with @grpc/grpc-js as the examples lock it.</summary>
internal static class Node
{
    public const string Program = "program:node", Modules = "npm:" + Packages, Packages = "examples/node";
}
