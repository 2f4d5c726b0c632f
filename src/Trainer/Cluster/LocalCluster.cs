using System.Globalization;
using System.Text.Json;

namespace DistSgd.Trainer.Cluster;

/// <summary>Servers and workers on this machine's loopback, as real processes.</summary>
/// <param name="options">How many.</param>
internal sealed class LocalCluster(ClusterOptions options) : IAsyncDisposable
{
    private const string ServerProgram = "DistSgd.ParamServer";
    private const string WorkerProgram = "DistSgd.Worker";

    private readonly List<ChildProcess> _children = [];
    private string Programs => options.Programs ?? AppContext.BaseDirectory;

    // A death is seen at once, as the end of a child; silence only means that the machine has too much to do, or that somebody stopped the worker.
    private const string HeartbeatSecondsMax = "30";

    /// <summary>All processes started.</summary>
    public IReadOnlyList<ChildProcess> Children => _children;

    /// <summary>Starts the servers, all at once.</summary>
    /// <returns>Their addresses.</returns>
    public async Task<string[]> StartServersAsync(CancellationToken cancellationToken)
    {
        var servers = new List<ChildProcess>();
        for (int i = 0; i < options.Servers; i++)
        {
            servers.Add(ChildProcess.Start(Programs, ServerProgram, "server", ["--listen", "127.0.0.1:0", "--json", "--quiet", "--until-stdin-closes", "--heartbeat-max", HeartbeatSecondsMax]));
            _children.Add(servers[^1]);
        }
        return await Task.WhenAll(servers.Select(server => AddressAsync(server, cancellationToken)));
    }

    /// <summary>Starts the workers.</summary>
    /// <param name="coordinator">host:port.</param>
    public void StartWorkers(string coordinator)
    {
        for (int i = 0; i < options.Workers; i++)
        {
            ChildProcess worker = ChildProcess.Start(Programs, WorkerProgram, "worker",
                ["--coordinator", coordinator, "--quiet", "--until-stdin-closes", "--cache", options.Cache.ToString().ToLowerInvariant(),
                 "--retry-deadline", options.RetryDeadline.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)]);
            _children.Add(worker);
            worker.IgnoreOutput();
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_children.Select(child => child.DisposeAsync().AsTask()));

    private async Task<string> AddressAsync(ChildProcess server, CancellationToken cancellationToken)
    {
        try
        {
            string? line = await server.ReadLineAsync(cancellationToken).AsTask().WaitAsync(options.StartDeadline, cancellationToken);
            if (line is null)
                throw new TrainingException(await server.ExplainAsync(cancellationToken));
            server.IgnoreOutput();
            using var listening = JsonDocument.Parse(line);
            return listening.RootElement.GetProperty("address").GetString()!;
        }
        catch (TimeoutException late)
        {
            throw new TrainingException($"The server (process {server.Id}) did not start within {options.StartDeadline.TotalSeconds:0} s.", late);
        }
    }
}
