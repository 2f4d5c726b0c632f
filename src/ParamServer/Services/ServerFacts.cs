using System.Reflection;
using DistSgd.Protos.V1;
using DistSgd.Shared.Wire;

namespace DistSgd.ParamServer.Services;

/// <summary>What a server tells of itself: its version, its age, its clock. Any thread.</summary>
/// <param name="time">Time; the server's age counts from this object's making.</param>
public sealed class ServerFacts(TimeProvider time)
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMillisecond / 1000;

    private readonly long _started = time.GetTimestamp();

    /// <summary>Version of the program, as 0.1.0.</summary>
    public static string Version { get; } = typeof(ServerFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>How long the server has been there.</summary>
    public TimeSpan Uptime => time.GetElapsedTime(_started);

    /// <summary>An answer without shards.</summary>
    internal DescribeResponse Describe() => new()
    {
        ProcessId = (uint)Environment.ProcessId,
        ServerVersion = Version,
        Contract = ContractRevision.Current,
        UptimeMs = (ulong)Uptime.TotalMilliseconds,
        UnixTimeUs = (ulong)((time.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TicksPerMicrosecond),
    };
}
