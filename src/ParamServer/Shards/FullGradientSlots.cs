using DistSgd.Kernels;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// The full gradient of SVRG, kept as the last float of each parameter's entry: the sum of what workers push for one snapshot. Beside the entries the snapshot itself, the values
/// when the first part was pushed, from which a training that goes on makes its rows' slopes again. Whole ranges only; any thread.
/// </summary>
internal sealed class FullGradientSlots(ShardMemory memory) : IKeptBeside
{
    // Written under _gate.
    private readonly NativeBuffer<float> _snapshot = new((long)memory.KeyCount * memory.Width);
    private readonly Lock _gate = new();

    // The epoch whose gradient is kept; written and read under _gate.
    private long _epoch = -1;

    /// <inheritdoc/>
    public long Bytes => _snapshot.Length * sizeof(float);

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
                Begin();
            _epoch = epoch;
        }
        var range = new KeyRange(keys.First, keys.Count);
        memory.ForEachStripe(range, new Part(memory, range.First, gradient), static (part, stripe) => part.Add(stripe));
    }

    /// <inheritdoc/>
    public void Read(in ShardKeys keys, Span<float> states)
    {
        int stride = states.Length / Math.Max(1, keys.Count);
        lock (_gate)
        {
            for (int place = 0; place < keys.Count; place++)
                Snapshot(keys[place]).CopyTo(states[((place + 1) * stride - memory.Width)..]);
        }
    }

    /// <inheritdoc/>
    public void Set(in ShardKeys keys, ReadOnlySpan<float> states)
    {
        int stride = states.Length / Math.Max(1, keys.Count);
        lock (_gate)
        {
            for (int place = 0; place < keys.Count; place++)
                states.Slice((place + 1) * stride - memory.Width, memory.Width).CopyTo(Snapshot(keys[place]));
        }
    }

    public void Dispose() => _snapshot.Dispose();

    // No worker steps in the epoch of a snapshot: the values are those that the slopes are computed at.
    private void Begin() => memory.ForEachStripe(new KeyRange(0, memory.KeyCount), this, static (self, stripe) => self.Begin(stripe));

    private void Begin(KeyRange stripe)
    {
        memory.Copy(ShardKeys.Range(stripe.First, (int)stripe.Count), entries: false, _snapshot.AsSpan(stripe.First * memory.Width, (int)stripe.Count * memory.Width));
        for (long key = stripe.First; key < stripe.End; key++)
            memory.Floats[Place(memory, key)] = 0;
    }

    private Span<float> Snapshot(int key) => _snapshot.AsSpan((long)key * memory.Width, memory.Width);

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
