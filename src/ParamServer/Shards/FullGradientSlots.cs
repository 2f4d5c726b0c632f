using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// The full gradient of SVRG, kept as the last float of each parameter's entry: the sum of what workers push for one snapshot. Whole ranges only; any thread.
/// </summary>
internal sealed class FullGradientSlots(ShardMemory memory)
{
    private readonly Lock _gate = new();

    // The epoch whose gradient is kept; written and read under _gate.
    private long _epoch = -1;

    /// <summary>Adds a part of an epoch's full gradient; the first part of a later epoch puts an end to the one before. What comes late is left out.</summary>
    /// <param name="epoch">The epoch's number.</param>
    /// <param name="keys">A range of local keys.</param>
    /// <param name="gradient">One float a parameter.</param>
    public void Add(long epoch, in ShardKeys keys, ReadOnlySpan<float> gradient)
    {
        lock (_gate)
        {
            if (epoch < _epoch)
                return;
            if (epoch > _epoch)
                Clear();
            _epoch = epoch;
        }
        var range = new KeyRange(keys.First, keys.Count);
        memory.ForEachStripe(range, new Part(memory, range.First, gradient), static (part, stripe) => part.Add(stripe));
    }

    private void Clear() => memory.ForEachStripe(new KeyRange(0, memory.KeyCount), memory, static (owner, stripe) =>
    {
        for (long key = stripe.First; key < stripe.End; key++)
            owner.Floats[Place(owner, key)] = 0;
    });

    private static int Place(ShardMemory owner, long key) => (int)key * owner.PositionStep + (owner.Stride - 1) * owner.SlotStep;

    private readonly ref struct Part(ShardMemory memory, long first, ReadOnlySpan<float> gradient)
    {
        private readonly ReadOnlySpan<float> _gradient = gradient;

        public void Add(KeyRange stripe)
        {
            Span<float> floats = memory.Floats;
            for (long key = stripe.First; key < stripe.End; key++)
                floats[Place(memory, key)] += _gradient[(int)(key - first)];
        }
    }
}
