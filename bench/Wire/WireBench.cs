using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DistSgd.Bench.Kernels;

namespace DistSgd.Bench.Wire;

/// <summary>
/// gRPC over the loopback beside raw sockets with the same framing and beside protobuf's repeated float: vectors pushed and pulled, small calls' latency,
/// bytes allocated a call. Everything runs in turn, round after round; of vectors' speeds the median counts, of small calls' the best round.
/// </summary>
public static class WireBench
{
    private const int Rounds = 9;

    /// <summary>The parts that can be measured alone.</summary>
    public static readonly string[] Parts = ["latency", "pipeline", "keys", "bulk"];

    private const int PushesACall = 10;
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);

    /// <summary>Measures everything and writes a table, or one JSON object a line.</summary>
    /// <param name="output">Receives the text.</param>
    /// <param name="format">How the figures are written.</param>
    /// <param name="part">One of <see cref="Parts"/>; null for all.</param>
    /// <param name="server">Starts the server's process, see the other overload; null measures within this process.</param>
    public static async Task RunAsync(TextWriter output, BenchFormat format, string? part, ProcessStartInfo? server)
    {
        ArgumentNullException.ThrowIfNull(output);
        void Sink(BenchRow row) => Write(output, format, row);
        if (format == BenchFormat.Table)
            await output.WriteLineAsync($"loopback TCP, {(server is null ? "one process" : "two processes")}, {Rounds} rounds: the median for vectors, the best for small calls and keys; ratio = speed as a fraction of the limit's");
        await (server is null ? RunInProcessAsync(part, Rounds, Sink) : RunAsync(server, part, Rounds, Sink));
    }

    /// <summary>Measures with client and server in this process.</summary>
    /// <param name="part">One of <see cref="Parts"/>; null for all.</param>
    /// <param name="rounds">How often each piece of work is timed.</param>
    /// <param name="sink">Receives the figures.</param>
    public static async Task RunInProcessAsync(string? part, int rounds, Action<BenchRow> sink)
    {
        await using var server = await WireBenchServer.StartAsync();
        await using var client = await WireBenchClient.ConnectAsync(server.Ports);
        await client.RunAsync(part, rounds, sink);
    }

    /// <summary>Measures against a server in a process of its own, the honest way: both sides have their own heap and threads.</summary>
    /// <param name="server">Starts a process that calls <see cref="WireBenchServer.RunAsync"/> with its standard streams.</param>
    /// <param name="part">One of <see cref="Parts"/>; null for all.</param>
    /// <param name="rounds">How often each piece of work is timed.</param>
    /// <param name="sink">Receives the figures.</param>
    public static Task RunAsync(ProcessStartInfo server, string? part, int rounds, Action<BenchRow> sink) => WithServerAsync(server, async (_, ports) =>
    {
        await using var client = await WireBenchClient.ConnectAsync(ports);
        await client.RunAsync(part, rounds, sink);
    });

    /// <summary>Works on a server with floods and slow readers, and writes what memory it took beside its bound.</summary>
    /// <param name="output">Receives the text.</param>
    /// <param name="format">How the figures are written.</param>
    /// <param name="server">Starts the server's process.</param>
    /// <param name="atLeast">How long, on streams and again with calls.</param>
    /// <param name="pushesMin">How many pushes, and a tenth as many calls, at least.</param>
    /// <exception cref="InvalidOperationException">It took more.</exception>
    public static Task SoakAsync(TextWriter output, BenchFormat format, ProcessStartInfo server, TimeSpan atLeast, long pushesMin) =>
        WithServerAsync(server, async (process, ports) =>
        {
            var memory = new ServerMemory(process.Id);
            await new StreamSoak(memory, ports.Grpc).RunAsync(atLeast, pushesMin, row => Write(output, format, row));
            await new CallSoak(memory, ports.Grpc).RunAsync(WireBenchServer.Limits, atLeast, pushesMin / PushesACall, row => Write(output, format, row));
        });

    private static async Task WithServerAsync(ProcessStartInfo server, Func<Process, WireBenchPorts, Task> work)
    {
        ArgumentNullException.ThrowIfNull(server);
        server.UseShellExecute = false;
        server.RedirectStandardInput = true;
        server.RedirectStandardOutput = true;
        using var process = Process.Start(server) ?? throw new InvalidOperationException($"{server.FileName} didn't start.");
        try
        {
            var line = await process.StandardOutput.ReadLineAsync().WaitAsync(StartPatience) ?? "";
            var ports = line.Split(' ');
            if (ports.Length != 2 || !int.TryParse(ports[0], out var grpc) || !int.TryParse(ports[1], out var raw))
                throw new InvalidOperationException($"The server process printed '{line}' instead of its two ports.");
            await work(process, new WireBenchPorts(grpc, raw));
        }
        finally
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(StartPatience))
                process.Kill();
        }
    }

    private static void Write(TextWriter output, BenchFormat format, BenchRow row) => output.WriteLine(format == BenchFormat.Json ? JsonSerializer.Serialize(row, BenchJson.Default.BenchRow) : Line(row));

    private static string Line(BenchRow row) => string.Create(
        CultureInfo.InvariantCulture, $"{row.Name,-62} {row.Value,10:F2} {row.Unit,-7} {row.Ratio,5:F2} of {(row.Limit.Length == 0 ? "itself" : row.Limit)}");
}
