using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DistSgd.ParamServer.Services;
using DistSgd.Shared.Jobs;

namespace DistSgd.ParamServer.Hosting;

/// <summary>The command <c>server</c>: of the executable of this project and of <c>distsgd</c>.</summary>
public static class ServerCommand
{
    /// <summary>Exit code of a server that could not start.</summary>
    public const int ExitCodeFailure = 1;

    /// <summary>Makes the command.</summary>
    /// <param name="command">Takes options and action: a root command, or a subcommand.</param>
    public static T Configure<T>(T command)
        where T : Command
    {
        var listen = new Option<string>("--listen") { Description = "Address to listen on, host:port; port 0 takes a free one.", DefaultValueFactory = _ => new ServerOptions().Listen };
        var memory = new Option<long?>("--memory-max") { Description = "Most bytes of parameters and optimizer state; default: three quarters of the machine's memory." };
        var heartbeat = new Option<int>("--heartbeat-max") { Description = "Seconds of silence after which a worker is taken for dead.", DefaultValueFactory = _ => (int)new ServerLimits().HeartbeatMax.TotalSeconds };
        var metrics = new Option<int?>("--metrics-port") { Description = "Serve metrics for Prometheus on this port, at http://host:port/metrics; 0 takes a free one; default: nothing is counted or served." };
        metrics.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var given }] && !ushort.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                result.AddError($"--metrics-port is '{given}'; expected a port, 0 to 65535.");
        });
        var quiet = new Option<bool>("--quiet") { Description = "Print the address and errors only, not what happens to jobs, shards and workers." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line." };
        var untilStdin = new Option<bool>("--until-stdin-closes") { Description = "End when standard input ends, as local clusters use it to end with their parent." };
        command.Add(listen);
        command.Add(memory);
        command.Add(heartbeat);
        command.Add(metrics);
        command.Add(quiet);
        command.Add(json);
        command.Add(untilStdin);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new ServerOptions
            {
                Listen = parsed.GetValue(listen)!,
                MetricsPort = parsed.GetValue(metrics),
                Log = parsed.GetValue(quiet) ? null : Logger(parsed.InvocationConfiguration.Output, parsed.GetValue(json)),
                Limits = new ServerLimits
                {
                    MemoryBytesMax = parsed.GetValue(memory) ?? new ServerLimits().MemoryBytesMax,
                    HeartbeatMax = TimeSpan.FromSeconds(Math.Max(1, parsed.GetValue(heartbeat))),
                },
            },
            parsed.GetValue(json), parsed.GetValue(untilStdin), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, cancellationToken));
        return command;
    }

    private static Action<LogLine> Logger(TextWriter output, bool json) => line =>
    {
        output.WriteLine(json
            ? JsonSerializer.Serialize(new Logged("log", line.Time, line.Text), ServerJson.Default.Logged)
            : string.Create(CultureInfo.InvariantCulture, $"{line.Time:yyyy-MM-dd HH:mm:ss.fff}Z  {line.Text}"));
        output.Flush();
    };

    private static async Task<int> RunAsync(ServerOptions options, bool json, bool untilStdin, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
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
        catch (ServerStartException refused)
        {
            await error.WriteLineAsync(refused.Message);
            return ExitCodeFailure;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
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
