namespace DistSgd.ParamServer.Shards;

/// <summary>
/// When a shard's regulariser acts. The shard calls it around each push and after each read of a packed copy; any thread. What it does is
/// the flow described at <see cref="Learning.Optimizers.UpdateRule"/>.
/// </summary>
internal interface IShardRegularizer
{
    /// <summary>Brings the keys that a push is about to change up to date, in the shard's memory.</summary>
    void BeforeTouch(in ShardKeys keys);

    /// <summary>Time passes: the sum of the learning rates of the steps just pushed.</summary>
    void Age(double rateSum);

    /// <summary>Brings a packed copy, just read for the keys, up to date; stride: floats a parameter in it, 1 or those of an entry.</summary>
    void Refresh(in ShardKeys keys, Span<float> packed, int stride);
}
