using System.Runtime.CompilerServices;
using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Regularisation in O(keys touched): each key remembers the age of the shard at which it was last brought up to date, and the flow over
/// the time since is applied when it is next read or changed. Reads see regularised values but write nothing. The flow over t₁ and then t₂
/// is the flow over t₁+t₂, so that this equals <see cref="EagerRegularizer"/> up to rounding.
/// </summary>
/// <remarks>
/// Races, as everywhere in a Hogwild shard: two pushes of one key at once may age it twice or not at all over one push's time.
/// </remarks>
internal sealed class LazyRegularizer : IShardRegularizer, IDisposable
{
    private const int ChunkKeys = 256;

    private readonly UpdateRule _rule;
    private readonly ShardMemory _memory;
    private readonly NativeBuffer<float> _ages;

    // Written by Age from any thread through compare-exchange; read anywhere.
    private double _now;

    public LazyRegularizer(UpdateRule rule, ShardMemory memory)
    {
        _rule = rule;
        _memory = memory;
        _ages = new NativeBuffer<float>(memory.KeyCount);
    }

    public void BeforeTouch(in ShardKeys keys)
    {
        float now = (float)Volatile.Read(ref _now);
        foreach (KeyRange regularized in _memory.Regularized)
        {
            (int start, int count) = keys.Within(regularized);
            for (int first = start; first < start + count; first += ChunkKeys)
                Touch(keys, first, Math.Min(ChunkKeys, start + count - first), now);
        }
    }

    public void Age(double rateSum)
    {
        double seen = Volatile.Read(ref _now);
        while (true)
        {
            double found = Interlocked.CompareExchange(ref _now, seen + rateSum, seen);
            if (found == seen)
                return;
            seen = found;
        }
    }

    public void Refresh(in ShardKeys keys, Span<float> packed, int stride)
    {
        float now = (float)Volatile.Read(ref _now);
        foreach (KeyRange regularized in _memory.Regularized)
        {
            (int start, int count) = keys.Within(regularized);
            for (int first = start; first < start + count; first += ChunkKeys)
                Refresh(keys, first, Math.Min(ChunkKeys, start + count - first), now, packed, stride);
        }
    }

    public void Dispose() => _ages.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Touch(in ShardKeys keys, int first, int count, float now)
    {
        Span<float> entries = _memory.Entries;
        Span<float> ages = _ages.AsSpan(0, _memory.KeyCount);
        (int width, int stride) = (_memory.Width, _memory.Stride);
        Span<float> times = stackalloc float[ChunkKeys];
        Span<float> weights = stackalloc float[ChunkKeys];
        for (int part = 0; part < width; part++)
        {
            for (int i = 0; i < count; i++)
            {
                int key = keys[first + i];
                int at = (key * width + part) * stride;
                times[i] = Time(now - ages[key], entries, at);
                weights[i] = entries[at];
            }
            RegularizationFlow.Timed((float)_rule.L1, (float)_rule.L2, times[..count], weights[..count]);
            for (int i = 0; i < count; i++)
            {
                if (times[i] != 0)
                    entries[(keys[first + i] * width + part) * stride] = weights[i];
            }
        }
        for (int i = 0; i < count; i++)
        {
            int key = keys[first + i];
            if (now > ages[key])
                ages[key] = now;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Refresh(in ShardKeys keys, int first, int count, float now, Span<float> packed, int stride)
    {
        ReadOnlySpan<float> entries = _memory.Entries;
        ReadOnlySpan<float> ages = _ages.AsSpan(0, _memory.KeyCount);
        int width = _memory.Width;
        Span<float> times = stackalloc float[ChunkKeys];
        Span<float> weights = stackalloc float[ChunkKeys];
        for (int part = 0; part < width; part++)
        {
            for (int i = 0; i < count; i++)
            {
                int key = keys[first + i];
                times[i] = Time(now - ages[key], entries, (key * width + part) * _memory.Stride);
                weights[i] = packed[((first + i) * width + part) * stride];
            }
            RegularizationFlow.Timed((float)_rule.L1, (float)_rule.L2, times[..count], weights[..count]);
            for (int i = 0; i < count; i++)
                packed[((first + i) * width + part) * stride] = weights[i];
        }
    }

    // The flow's own time of a parameter: elapsed rates in the rule's metric. Another push may have aged the key beyond what was read of
    // the clock: time never runs backwards.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Time(float elapsed, ReadOnlySpan<float> entries, int at)
    {
        if (!(elapsed > 0))
            return 0;
        return _memory.Stride == 1 ? elapsed : elapsed / (_rule.Delta + MathF.Sqrt(entries[at + 1]));
    }
}
