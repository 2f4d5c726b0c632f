using DistSgd.ParamServer.Services;

namespace DistSgd.ParamServer.Hosting;

/// <summary>How a server runs.</summary>
public sealed record ServerOptions
{
    /// <summary>Where it listens: host:port; port 0 takes a free one.</summary>
    public string Listen { get; init; } = "127.0.0.1:7070";

    /// <summary>Port on which /metrics is served over HTTP/1.1, at the host of <see cref="Listen"/>; 0 takes a free one; null: nothing is counted or served.</summary>
    public int? MetricsPort { get; init; }

    /// <summary>Bounds.</summary>
    public ServerLimits Limits { get; init; } = new();

    /// <summary>Takes the lines of the server's life, one at a time; null: nothing is told.</summary>
    public Action<LogLine>? Log { get; init; }

    /// <summary>How long calls under way may take to end when the server is told to stop.</summary>
    public TimeSpan DrainDeadline { get; init; } = TimeSpan.FromSeconds(5);
}
