using System.Runtime.InteropServices;
using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// Decay and drift in O(keys touched): each key remembers the shard's clock at which it was last brought up to date, and what happened since is applied,
/// in closed form, when it is next read or changed. Reads see it but write nothing. The flow over t₁ and then t₂ is the flow over t₁+t₂, the drift over
/// n₁ and then n₂ steps that over n₁+n₂, and L2 commutes with drift, so that this equals <see cref="EagerAging"/> up to rounding. (Under L1 a velocity
/// drifts first and what L1 takes off is taken then: equal only where nothing drifts.)
/// </summary>
/// <remarks>
/// Races, as everywhere in a Hogwild shard: two pushes of one key at once may age it twice or not at all over one push's time.
/// </remarks>
internal sealed class LazyAging : IShardAging, IDisposable
{
    private readonly UpdateRule _rule;
    private readonly RuleKernel _kernel;
    private readonly ShardMemory _memory;
    private readonly ShardClock _clock;

    // The clock at which each key was brought up to date; null where nothing depends on it.
    private readonly NativeBuffer<float>? _rates;
    private readonly NativeBuffer<uint>? _steps;

    public LazyAging(UpdateRule rule, RuleKernel kernel, ShardMemory memory, ShardClock clock, bool decays)
    {
        (_rule, _kernel, _memory, _clock) = (rule, kernel, memory, clock);
        if (decays)
            _rates = new NativeBuffer<float>(memory.KeyCount);
        if (kernel.Drifts)
            _steps = new NativeBuffer<uint>(memory.KeyCount);
    }

    public void BeforeTouch(in ShardKeys keys, bool isStep)
    {
        (float rates, long steps) = ((float)_clock.Rates, _clock.Steps);
        for (int start = 0; start < keys.Count;)
        {
            int end = _memory.RunEnd(keys, start, out bool regularized);
            if (regularized || _kernel.Drifts)
                Touch(keys.Slice(start, end - start), regularized, rates, steps);
            if (isStep)
                CountStep(keys.Slice(start, end - start), steps);
            start = end;
        }
    }

    public void Age(double rateSum)
    {
        // The clock has moved; keys follow when they are next used.
    }

    public void Refresh(in ShardKeys keys, Span<float> packed, int stride)
    {
        (float rates, long steps) = ((float)_clock.Rates, _clock.Steps);
        for (int start = 0; start < keys.Count;)
        {
            int end = _memory.RunEnd(keys, start, out bool regularized);
            if (regularized || _kernel.Drifts)
            {
                int floats = _memory.Width * stride;
                Refresh(keys.Slice(start, end - start), regularized, rates, steps, packed.Slice(start * floats, (end - start) * floats), stride);
            }
            start = end;
        }
    }

    public void Dispose()
    {
        _rates?.Dispose();
        _steps?.Dispose();
    }

    private void Touch(ShardKeys keys, bool regularized, float rates, long steps)
    {
        if (_memory.HasWideKeys)
        {
            Span<float> room = stackalloc float[ParameterChunks.Size];
            for (int place = 0; place < keys.Count; place++)
                CatchUp(keys[place], regularized, rates, steps, _memory.Planes(new KeyRange(keys[place], 1)), room);
            Remember(keys, regularized, rates, steps);
            return;
        }
        var chunks = new ParameterChunks(keys, _memory.Width, stackalloc float[ParameterChunks.RoomFloats], stackalloc int[ParameterChunks.RoomIntegers]);
        while (chunks.Next())
        {
            _memory.Gather(chunks.Positions, chunks.Planes);
            if (CatchUp(chunks, chunks.Planes, regularized, rates, steps))
                _memory.Scatter(chunks.Positions, chunks.Planes);
        }
        Remember(keys, regularized, rates, steps);
    }

    private void Refresh(ShardKeys keys, bool regularized, float rates, long steps, Span<float> packed, int stride)
    {
        // A velocity that drifts would have to be copied first.
        if (_memory.HasWideKeys && stride == 1 && !_kernel.Drifts)
        {
            Span<float> room = stackalloc float[ParameterChunks.Size];
            for (int place = 0; place < keys.Count; place++)
            {
                RulePlanes lying = _memory.Planes(new KeyRange(keys[place], 1));
                CatchUp(keys[place], regularized, rates, steps, new RulePlanes(packed.Slice(place * _memory.Width, _memory.Width), lying.First, lying.Second, lying.Third), room);
            }
            return;
        }
        var chunks = new ParameterChunks(keys, _memory.Width, stackalloc float[ParameterChunks.RoomFloats], stackalloc int[ParameterChunks.RoomIntegers]);
        while (chunks.Next())
        {
            Span<float> copy = packed.Slice(chunks.Before * stride, chunks.Count * stride);
            if (_memory.Stride == 1)
            {
                CatchUp(chunks, new RulePlanes(copy, default, default, default), regularized, rates, steps);
                continue;
            }
            _memory.Gather(chunks.Positions, chunks.Planes);
            Spread(copy, stride, chunks.Planes);
            if (CatchUp(chunks, chunks.Planes, regularized, rates, steps))
                Collect(chunks.Planes, copy, stride);
        }
    }

    // One key's parameters, side by side.
    private void CatchUp(int key, bool regularized, float rates, long steps, RulePlanes planes, Span<float> room)
    {
        float missed = _kernel.Drifts ? Math.Max(0, steps - _steps!.AsSpan(key, 1)[0]) : 0, age = regularized && _rates is not null ? rates - _rates.AsSpan(key, 1)[0] : 0;
        for (int start = 0; start < planes.Count; start += room.Length)
        {
            RulePlanes part = planes.Slice(start, Math.Min(room.Length, planes.Count - start));
            Span<float> times = room[..part.Count];
            if (missed > 0)
            {
                times.Fill(missed);
                _kernel.Drift(_rule, times, part);
            }
            if (age > 0)
            {
                times.Fill(age);
                _kernel.Flow(_rule, new StepAt(0, steps), times, part);
            }
        }
    }

    // True if there was anything to catch up with.
    private bool CatchUp(in ParameterChunks chunks, RulePlanes planes, bool regularized, float rates, long steps)
    {
        bool isLate = false;
        ReadOnlySpan<int> keys = chunks.KeysOf;
        if (_kernel.Drifts)
        {
            Span<uint> last = _steps!.AsSpan(0, _memory.KeyCount);
            Span<float> missed = chunks.Missed;
            for (int i = 0; i < missed.Length; i++)
            {
                missed[i] = Math.Max(0, steps - last[keys[i]]);
                isLate |= missed[i] > 0;
            }
            if (isLate)
                _kernel.Drift(_rule, missed, planes);
        }
        if (!regularized || _rates is null)
            return isLate;
        // Another push may have aged a key beyond what was read of the clock: time never runs backwards.
        Span<float> elapsed = chunks.Elapsed;
        GatherEntries.Copy(_rates.AsSpan(0, _memory.KeyCount), 1, MemoryMarshal.Cast<int, uint>(keys), elapsed);
        TimeSince.Apply(rates, elapsed);
        bool isOld = MaxMagnitude.Compute(elapsed) > 0;
        if (isOld)
            _kernel.Flow(_rule, new StepAt(0, steps), elapsed, planes);
        return isLate || isOld;
    }

    private void Remember(ShardKeys keys, bool regularized, float rates, long steps)
    {
        if (regularized && _rates is not null)
        {
            Span<float> ages = _rates.AsSpan(0, _memory.KeyCount);
            for (int i = 0; i < keys.Count; i++)
            {
                ref float age = ref ages[keys[i]];
                age = rates > age ? rates : age;
            }
        }
        if (_steps is null)
            return;
        Span<uint> last = _steps.AsSpan(0, _memory.KeyCount);
        for (int i = 0; i < keys.Count; i++)
            last[keys[i]] = (uint)Math.Max(last[keys[i]], steps);
    }

    // A key's own step is none that it misses.
    private void CountStep(ShardKeys keys, long steps)
    {
        if (_steps is null)
            return;
        Span<uint> last = _steps.AsSpan(0, _memory.KeyCount);
        for (int i = 0; i < keys.Count; i++)
            last[keys[i]] = (uint)(Math.Max(last[keys[i]], steps) + 1);
    }

    // The copy's floats are what is to be brought up to date; state that it doesn't hold stays as it was gathered.
    private static void Spread(ReadOnlySpan<float> copy, int stride, RulePlanes planes)
    {
        for (int slot = 0; slot < stride; slot++)
        {
            Span<float> plane = planes[slot];
            for (int i = 0; i < plane.Length; i++)
                plane[i] = copy[i * stride + slot];
        }
    }

    private static void Collect(RulePlanes planes, Span<float> copy, int stride)
    {
        for (int slot = 0; slot < stride; slot++)
        {
            ReadOnlySpan<float> plane = planes[slot];
            for (int i = 0; i < plane.Length; i++)
                copy[i * stride + slot] = plane[i];
        }
    }
}
