namespace DistSgd.ParamServer.Shards;

/// <summary>What a shard keeps of its keys beside their entries, and a checkpoint with them. A state is a key's entry, then these floats; any thread.</summary>
internal interface IKeptBeside : IDisposable
{
    /// <summary>Bytes reserved.</summary>
    long Bytes { get; }

    /// <summary>Fills the end of each key's state, whose entry has been read.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="states">One state a key.</param>
    void Read(in ShardKeys keys, Span<float> states);

    /// <summary>Takes over the end of each key's state.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="states">One state a key.</param>
    void Set(in ShardKeys keys, ReadOnlySpan<float> states);
}
