using DistSgd.Kernels;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Averages of a shard's values over its pushes (Polyak &amp; Juditsky 1992): θ̄_T = (1/T) Σ θ_t, where θ_t are the values after push t. In O(keys touched): a key that no push touches stands still, so that what it adds is
/// made up for when it is next touched or read (what a lazy regulariser takes off meanwhile counts as taken at once). Reads write nothing. Any thread.
/// </summary>
internal sealed class ShardAverage : IKeptBeside
{
    private const float PushesMax = 1u << 31;

    private readonly ShardMemory _memory;
    private readonly bool _isKept;
    private readonly NativeBuffer<float> _means;
    private readonly Lock _gate = new();

    // Per key, how many pushes its mean holds. It and the means: under _gate.
    private readonly NativeBuffer<uint> _counted;
    private uint _pushes;

    /// <param name="memory">Holds the values.</param>
    /// <param name="isKept">Whether averages that a training before this one has begun are gone on with; false where it would begin later.</param>
    public ShardAverage(ShardMemory memory, bool isKept = true)
    {
        (_memory, _isKept) = (memory, isKept);
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

    /// <summary>Each key's averages as they are now, and the number of pushes in them.</summary>
    public void Read(in ShardKeys keys, Span<float> states)
    {
        int stride = states.Length / Math.Max(1, keys.Count), entryFloats = stride - _memory.Width - 1;
        lock (_gate)
        {
            ReadOnlySpan<uint> counted = _counted.AsSpan(0, _memory.KeyCount);
            ReadOnlySpan<float> means = _means.AsSpan(0, _memory.KeyCount * _memory.Width);
            for (int place = 0; place < keys.Count; place++)
            {
                int key = keys[place];
                Span<float> state = states.Slice(place * stride, stride);
                float share = _pushes == 0 ? 0 : (float)(_pushes - counted[key]) / _pushes;
                for (int i = 0; i < _memory.Width; i++)
                {
                    float mean = means[key * _memory.Width + i];
                    state[entryFloats + i] = mean + share * (state[i * _memory.Stride] - mean);
                }
                state[^1] = _pushes;
            }
        }
    }

    /// <inheritdoc/>
    public void Set(in ShardKeys keys, ReadOnlySpan<float> states)
    {
        if (!_isKept)
            return;
        int stride = states.Length / Math.Max(1, keys.Count);
        lock (_gate)
        {
            Span<uint> counted = _counted.AsSpan(0, _memory.KeyCount);
            Span<float> means = _means.AsSpan(0, _memory.KeyCount * _memory.Width);
            for (int place = 0; place < keys.Count; place++)
            {
                int key = keys[place];
                ReadOnlySpan<float> state = states.Slice(place * stride, stride);
                state.Slice(stride - 1 - _memory.Width, _memory.Width).CopyTo(means[(key * _memory.Width)..]);
                counted[key] = (uint)Math.Clamp(state[^1], 0, PushesMax);
                // States of other shards may hold fewer pushes: what their keys lack is made up for as if they had stood still.
                _pushes = Math.Max(_pushes, counted[key]);
            }
        }
    }

    public void Dispose()
    {
        _means.Dispose();
        _counted.Dispose();
    }
}
