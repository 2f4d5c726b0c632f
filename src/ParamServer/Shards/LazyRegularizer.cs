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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void BeforeTouch(in ShardKeys keys)
    {
        float now = (float)Volatile.Read(ref _now);
        Span<float> entries = _memory.Entries;
        Span<float> ages = _ages.AsSpan(0, _memory.KeyCount);
        int stride = _memory.Stride;
        foreach (KeyRange regularized in _memory.Regularized)
        {
            (int start, int count) = keys.Within(regularized);
            for (int i = start; i < start + count; i++)
            {
                int key = keys[i];
                // Another push may have aged the key beyond the time read above: time never runs backwards.
                float elapsed = now - ages[key];
                if (!(elapsed > 0))
                    continue;
                ages[key] = now;
                entries[key * stride] = Flow(entries.Slice(key * stride, stride), elapsed);
            }
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Refresh(in ShardKeys keys, Span<float> packed, int stride)
    {
        float now = (float)Volatile.Read(ref _now);
        Span<float> entries = _memory.Entries;
        Span<float> ages = _ages.AsSpan(0, _memory.KeyCount);
        foreach (KeyRange regularized in _memory.Regularized)
        {
            (int start, int count) = keys.Within(regularized);
            for (int i = start; i < start + count; i++)
            {
                int key = keys[i];
                float elapsed = now - ages[key];
                float value = packed[i * stride];
                if (!(elapsed > 0) || value == 0)
                    continue;
                packed[i * stride] = Flow(stride == _memory.Stride ? packed.Slice(i * stride, stride) : entries.Slice(key * _memory.Stride, _memory.Stride), elapsed);
            }
        }
    }

    public void Dispose() => _ages.Dispose();

    private float Flow(ReadOnlySpan<float> entry, float elapsed)
    {
        float time = _memory.Stride == 1 ? elapsed : elapsed / (_rule.Delta + MathF.Sqrt(entry[1]));
        return RegularizationFlow.Decay((float)_rule.L1, (float)_rule.L2, time, entry[0]);
    }
}
