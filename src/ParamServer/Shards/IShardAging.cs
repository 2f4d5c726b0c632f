namespace DistSgd.ParamServer.Shards;

/// <summary>
/// When a shard's parameters do what they do without being pushed: decay by the regulariser, drift by a velocity. The shard calls it around each
/// push and after each read of a packed copy; any thread. What happens is the flow described at <see cref="Learning.Optimizers.UpdateRule"/>.
/// </summary>
internal interface IShardAging
{
    /// <summary>Brings the keys that a push is about to change up to date, in the shard's memory.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="isStep">True if the push is a gradient.</param>
    void BeforeTouch(in ShardKeys keys, bool isStep);

    /// <summary>A push is complete: the sum of the learning rates of its steps passes.</summary>
    void Age(double rateSum);

    /// <summary>Brings a packed copy, just read for the keys, up to date; stride: floats a parameter in it, 1 or those of an entry.</summary>
    void Refresh(in ShardKeys keys, Span<float> packed, int stride);
}
