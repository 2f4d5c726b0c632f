using DistSgd.Shared.Sharding;

namespace DistSgd.Cli.Tables;

/// <summary>A shard as its server describes it.</summary>
/// <param name="Server">host:port of the server.</param>
/// <param name="Number">The shard's number in the job.</param>
/// <param name="Keys">Its keys, in the job's key space.</param>
/// <param name="Version">Count of applied pushes.</param>
internal sealed record DescribedShard(string Server, uint Number, KeyRange Keys, ulong Version)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Server} (shard {Number})";
}
