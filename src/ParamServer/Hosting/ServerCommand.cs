using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DistSgd.ParamServer.Services;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Jobs;

namespace DistSgd.ParamServer.Hosting;

/// <summary>The command <c>server</c>: of the executable of this project and of <c>distsgd</c>.</summary>
public static class ServerCommand
{
    // A week: longer silences are not waited for on purpose.
    private static readonly NumberRange HeartbeatRange = NumberRange.Whole("--heartbeat-max", 1, 604_800);
    private static readonly NumberRange MetricsPortRange = NumberRange.Whole("--metrics-port", 0, ushort.MaxValue);
    private static readonly NumberRange MemoryRange = NumberRange.Whole("--memory-max", 1, long.MaxValue);

    /// <summary>Makes the command.</summary>
    /// <param name="command">Takes options and action: a root command, or a subcommand.</param>
    public static T Configure<T>(T command)
        where T : Command
    {
        ValueOption listen = Arguments.ListenAddress("--listen", "Address to listen on; port 0 takes a free one.", new ServerOptions().Listen);
        ValueOption memory = Arguments.Number(MemoryRange, "Most bytes of parameters and optimizer state; default: three quarters of the machine's memory.");
        ValueOption heartbeat = Arguments.Number(HeartbeatRange, "Seconds of silence after which a worker is taken for dead.", new ServerLimits().HeartbeatMax.TotalSeconds.ToString("0", CultureInfo.InvariantCulture), "S");
        ValueOption metrics = Arguments.Number(MetricsPortRange, "Serve metrics for Prometheus on this port, at http://host:port/metrics; 0 takes a free one; default: nothing is counted or served.");
        Option<bool> quiet = Arguments.Flag("--quiet", "Print the address and errors only, not what happens to jobs, shards and workers.");
        Option<bool> json = Arguments.Flag("--json", "Print one JSON object a line.");
        Option<bool> untilStdin = Arguments.Flag("--until-stdin-closes", "End when standard input ends, as local clusters use it to end with their parent.");
        foreach (Option option in (ReadOnlySpan<Option>)[listen, memory, heartbeat, metrics, quiet, json, untilStdin])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new ServerOptions
            {
                Listen = parsed.GetValue(listen)!,
                MetricsPort = parsed.Count(metrics),
                Log = parsed.GetValue(quiet) ? null : Logger(parsed.InvocationConfiguration.Output, parsed.GetValue(json)),
                Limits = new ServerLimits
                {
                    MemoryBytesMax = parsed.Whole(memory) ?? new ServerLimits().MemoryBytesMax,
                    HeartbeatMax = parsed.Seconds(heartbeat)!.Value,
                },
            },
            parsed.GetValue(json), parsed.GetValue(untilStdin), parsed.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    /// <summary>Whether an exception of a server says, in a sentence for people, why it could not do its work.</summary>
    public static bool IsExpected(Exception failure) => failure is ServerStartException;

    private static Action<LogLine> Logger(TextWriter output, bool json) => line =>
    {
        output.WriteLine(json
            ? JsonSerializer.Serialize(new Logged("log", line.Time, line.Text), ServerJson.Default.Logged)
            : string.Create(CultureInfo.InvariantCulture, $"{line.Time:yyyy-MM-dd HH:mm:ss.fff}Z  {line.Text}"));
        output.Flush();
    };

    private static async Task<int> RunAsync(ServerOptions options, bool json, bool untilStdin, TextWriter output, CancellationToken cancellationToken)
    {
        CommandOutput.GoOn(output, kept: null);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (untilStdin)
            ParentWatch.Start(Console.OpenStandardInput(), stop, options.DrainDeadline, Environment.Exit);
        try
        {
            await using ServerHost host = await ServerHost.StartAsync(options, stop.Token);
            await output.WriteLineAsync(json
                ? JsonSerializer.Serialize(new Listening("listening", host.Address, Environment.ProcessId, host.MetricsAddress), ServerJson.Default.Listening)
                : $"distsgd server listening on {host.Address} (process {Environment.ProcessId}){(host.MetricsAddress is { } shown ? $", metrics at http://{shown}/metrics" : "")}");
            await output.FlushAsync(stop.Token);
            await host.WaitAsync(stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // To be told to stop is how a server ends.
            return 0;
        }
    }
}

/// <summary>What a server prints once it listens, with --json.</summary>
/// <param name="Event">"listening".</param>
/// <param name="Address">host:port.</param>
/// <param name="ProcessId">The operating system's number.</param>
/// <param name="Metrics">host:port of /metrics; null: they are not served.</param>
public sealed record Listening(string Event, string Address, int ProcessId, string? Metrics);

/// <summary>An event of the server's life, with --json.</summary>
/// <param name="Event">"log".</param>
/// <param name="Time">When.</param>
/// <param name="Text">What.</param>
public sealed record Logged(string Event, DateTimeOffset Time, string Text);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
[System.Text.Json.Serialization.JsonSerializable(typeof(Listening))]
[System.Text.Json.Serialization.JsonSerializable(typeof(Logged))]
internal sealed partial class ServerJson : System.Text.Json.Serialization.JsonSerializerContext;
