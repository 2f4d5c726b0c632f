namespace DistSgd.ParamServer.Shards;

/// <summary>What a shard has done since it was activated.</summary>
/// <param name="Version">Applied pushes.</param>
/// <param name="Duplicates">Pushes that came again.</param>
/// <param name="Refused">Pushes refused.</param>
/// <param name="BytesPushed">Payload bytes of all pushes: 4 a float, and 4 a key of a list.</param>
/// <param name="BytesPulled">Payload bytes of the answers to all pulls.</param>
/// <param name="Staleness">Counts of <see cref="StalenessLedger"/>.</param>
public sealed record ShardFigures(long Version, long Duplicates, long Refused, long BytesPushed, long BytesPulled, long[] Staleness);
