using DistSgd.Kernels;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Averages of a shard's values over its pushes (Polyak &amp; Juditsky 1992): θ̄_T = (1/T) Σ θ_t, where θ_t are the values after push t. In O(keys touched): a key that no push touches stands still, so that what it adds is
/// made up for when it is next touched or read (what a lazy regulariser takes off meanwhile counts as taken at once). Reads write nothing. Any thread.
/// </summary>
internal sealed class ShardAverage : IDisposable
{
    private readonly ShardMemory _memory;
    private readonly NativeBuffer<float> _means;
    private readonly Lock _gate = new();

    // Per key, how many pushes its mean holds. It and the means: under _gate.
    private readonly NativeBuffer<uint> _counted;
    private uint _pushes;

    public ShardAverage(ShardMemory memory)
    {
        _memory = memory;
        _means = new NativeBuffer<float>((long)memory.KeyCount * memory.Width);
        _counted = new NativeBuffer<uint>(memory.KeyCount);
    }

    /// <summary>Bytes reserved.</summary>
    public long Bytes => (long)_memory.KeyCount * (_memory.Width + 1) * sizeof(float);

    /// <summary>Makes up for the pushes that left the keys alone; to be called with their values as they are, before they change.</summary>
    public void BeforeTouch(in ShardKeys keys)
    {
        lock (_gate)
        {
            if (_pushes == 0)
                return;
            Span<uint> counted = _counted.AsSpan(0, _memory.KeyCount);
            Span<float> means = _means.AsSpan(0, _memory.KeyCount * _memory.Width);
            ReadOnlySpan<float> floats = _memory.Floats;
            for (int place = 0; place < keys.Count; place++)
            {
                int key = keys[place];
                float share = (float)(_pushes - counted[key]) / _pushes;
                for (int i = key * _memory.Width; i < (key + 1) * _memory.Width && share > 0; i++)
                    means[i] += share * (floats[i * _memory.PositionStep] - means[i]);
                counted[key] = _pushes;
            }
        }
    }

    /// <summary>A push is complete.</summary>
    public void Count()
    {
        lock (_gate)
            _pushes = checked(_pushes + 1);
    }

    /// <summary>Turns values just read for the keys into averages; before the first counted push they stay what they are.</summary>
    public void Apply(in ShardKeys keys, Span<float> values)
    {
        lock (_gate)
        {
            if (_pushes == 0)
                return;
            ReadOnlySpan<uint> counted = _counted.AsSpan(0, _memory.KeyCount);
            ReadOnlySpan<float> means = _means.AsSpan(0, _memory.KeyCount * _memory.Width);
            for (int place = 0; place < keys.Count; place++)
            {
                int key = keys[place];
                float share = (float)(_pushes - counted[key]) / _pushes;
                for (int i = 0; i < _memory.Width; i++)
                {
                    float mean = means[key * _memory.Width + i];
                    values[place * _memory.Width + i] = mean + share * (values[place * _memory.Width + i] - mean);
                }
            }
        }
    }

    public void Dispose()
    {
        _means.Dispose();
        _counted.Dispose();
    }
}
