using DistSgd.ParamServer.Coordination;

namespace DistSgd.ParamServer.Services;

/// <summary>Bounds of one server.</summary>
public sealed record ServerLimits
{
    /// <summary>Largest message in either direction.</summary>
    public int MessageBytesMax { get; init; } = 256 << 20;

    /// <summary>Exchanges under way at once; further ones are refused with RESOURCE_EXHAUSTED.</summary>
    public int ExchangesMax { get; init; } = 256;

    /// <summary>
    /// Bytes of the messages of all calls while they arrive, are worked on and leave; calls beyond it are refused with RESOURCE_EXHAUSTED. Messages of up to
    /// 64 KiB count nothing.
    /// </summary>
    public long CallMemoryBytesMax { get; init; } = 1L << 30;

    /// <summary>Streams at once; further ones are refused with RESOURCE_EXHAUSTED.</summary>
    public int StreamsMax { get; init; } = 256;

    /// <summary>Exchanges that a stream's client may have sent without an answer.</summary>
    public int StreamExchangesMax { get; init; } = 1024;

    /// <summary>Bytes of those exchanges and of their answers.</summary>
    public int StreamBytesMax { get; init; } = 4 << 20;

    /// <summary>Bytes of one message of a stream, of one exchange's decoded keys, of one answer's values; at least 1 MiB.</summary>
    public int StreamExchangeBytesMax { get; init; } = 1 << 20;

    /// <summary>Bytes of the key sets that a stream keeps.</summary>
    public int StreamKeySetBytesMax { get; init; } = 64 << 20;

    /// <summary>Bytes that all streams may hold together: messages, answers, key sets. What the HTTP/2 windows hold comes on top, under 2 MiB a connection.</summary>
    public long StreamMemoryBytesMax { get; init; } = 1L << 30;

    /// <summary>Bytes of shard memory of all jobs.</summary>
    public long MemoryBytesMax { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;

    /// <summary>Jobs at once.</summary>
    public int JobsMax { get; init; } = 64;

    /// <summary>A worker not heard of for longer is taken for dead.</summary>
    public TimeSpan HeartbeatMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A job whose leader was not heard of for longer is ended; shards that nobody renewed or used for longer are freed.</summary>
    public TimeSpan LeaseMax => HeartbeatMax * JobBoard.LeaderPatience;
}
