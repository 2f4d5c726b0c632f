using DistSgd.Learning.Data;

namespace DistSgd.Worker.Hosting;

/// <summary>How a worker process runs.</summary>
public sealed record WorkerOptions
{
    /// <summary>host:port of the job's coordinator.</summary>
    public required string Coordinator { get; init; }

    /// <summary>The data file on this machine; null: where the leader says it lies.</summary>
    public string? Data { get; init; }

    /// <summary>Whether a binary cache beside the data is used.</summary>
    public CacheMode Cache { get; init; } = CacheMode.Auto;

    /// <summary>How long a silent coordinator or server is tried again.</summary>
    public TimeSpan RetryDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for a job before giving up; null: forever.</summary>
    public TimeSpan? JobDeadline { get; init; }

    /// <summary>Told, in sentences, what happens.</summary>
    public Action<string>? Notice { get; init; }
}
