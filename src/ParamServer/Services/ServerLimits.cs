using DistSgd.ParamServer.Coordination;

namespace DistSgd.ParamServer.Services;

/// <summary>Bounds of one server.</summary>
public sealed record ServerLimits
{
    /// <summary>Largest message in either direction.</summary>
    public int MessageBytesMax { get; init; } = 256 << 20;

    /// <summary>Exchanges under way at once; further ones are refused with RESOURCE_EXHAUSTED.</summary>
    public int ExchangesMax { get; init; } = 256;

    /// <summary>Bytes of shard memory of all jobs.</summary>
    public long MemoryBytesMax { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;

    /// <summary>Jobs at once.</summary>
    public int JobsMax { get; init; } = 64;

    /// <summary>A worker not heard of for longer is taken for dead.</summary>
    public TimeSpan HeartbeatMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A job whose leader was not heard of for longer is ended; shards that nobody renewed or used for longer are freed.</summary>
    public TimeSpan LeaseMax => HeartbeatMax * JobBoard.LeaderPatience;
}
