using DistSgd.Learning.Data;

namespace DistSgd.Trainer.Cluster;

/// <summary>Where a distributed training runs.</summary>
public sealed record ClusterOptions
{
    /// <summary>Servers to start on this machine; ignored with <see cref="Connect"/>.</summary>
    public int Servers { get; init; } = 1;

    /// <summary>Workers, one partition each.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>host:port of servers that run already, the coordinator first; workers are then started by hand. Empty: both are started here.</summary>
    public IReadOnlyList<string> Connect { get; init; } = [];

    /// <summary>The training data as a file that each worker reads.</summary>
    public required string Data { get; init; }

    /// <summary>Whether workers started here use a binary cache beside the data.</summary>
    public CacheMode Cache { get; init; } = CacheMode.Auto;

    /// <summary>Where the executables of server and worker lie; null: beside this program.</summary>
    public string? Programs { get; init; }

    /// <summary>How long processes may take to start and answer.</summary>
    public TimeSpan StartDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a silent server is tried again.</summary>
    public TimeSpan RetryDeadline { get; init; } = TimeSpan.FromSeconds(30);
}
