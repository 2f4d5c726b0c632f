using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// One shard: a contiguous key range with its values, optimizer state, version, and window of applied pushes. All members may be called
/// from any number of threads at once.
/// </summary>
/// <remarks>
/// This is the one place of the deliberate races of Hogwild (Niu et al. 2011): differences of key lists, where nothing else acts on the keys, are added with plain
/// 4-byte loads and stores, unordered among threads, so that of two pushes that change one key in the same nanoseconds one may be lost for
/// that key; pulls read whatever is there. A float is never torn. All other pushes lock stripes (<see cref="ShardMemory"/>) and lose
/// nothing to each other. The window, the ledger and the counters are ordered by <c>_gate</c>.
/// </remarks>
public sealed class ParameterShard : IDisposable
{
    private readonly UpdateRule _rule;
    private readonly ShardMemory _memory;
    private readonly ShardSteps _steps;
    private readonly ShardClock _clock;
    private readonly IShardAging? _aging;
    private readonly FullGradientSlots? _fullGradient;
    private readonly ShardAverage? _average;
    private readonly IKeptBeside? _beside;

    // Everything below is written and read under _gate, except _version: written under it, read anywhere.
    private readonly Lock _gate = new();
    private readonly PushWindow _window = new();
    private readonly PushesInParts _parts = new();
    private readonly StalenessLedger _staleness = new();
    private long _version;
    private long _duplicates;
    private long _refused;
    private long _bytesPushed;
    private long _bytesPulled;
    private int _users;
    private bool _closed;

    /// <summary>Makes a shard, all zero.</summary>
    /// <param name="job">The job.</param>
    /// <param name="number">The shard's number in the job.</param>
    /// <param name="range">Its keys.</param>
    /// <exception cref="ParameterException">The range is too large for one shard.</exception>
    public ParameterShard(TrainingJob job, int number, KeyRange range)
    {
        Job = job;
        Number = number;
        Range = range;
        _rule = job.Rule;
        _clock = new ShardClock(job.LocalSteps == 0 ? job.StepsBefore : 0);
        _memory = new ShardMemory(job, range);
        RuleKernel kernel = _rule.Form.Kernel(job.Sparse);
        _steps = new ShardSteps(_rule, kernel, _memory);
        bool decays = _rule.IsRegularized && !_rule.Form.Facts.OwnsRegularizer;
        if (job.AverageFrom > 0)
            _beside = _average = new ShardAverage(_memory, isKept: job.StepsBefore + 1 >= job.AverageFrom);
        // With SVRG, workers' steps hold the regulariser, and gradients are parts of the full one.
        if (job.SnapshotEvery > 0)
            _beside = _fullGradient = new FullGradientSlots(_memory);
        else if (job.Sparse && (decays || kernel.Drifts))
            _aging = new LazyAging(_rule, kernel, _memory, _clock, decays);
        else if (decays)
            _aging = new EagerAging(_rule, kernel, _memory, _clock);
    }

    /// <summary>The job.</summary>
    public TrainingJob Job { get; }

    /// <summary>The shard's number in the job.</summary>
    public int Number { get; }

    /// <summary>Its keys in the job's key space.</summary>
    public KeyRange Range { get; }

    /// <summary>Count of applied pushes.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>Bytes reserved for entries.</summary>
    public long Bytes => _memory.Bytes + (_beside?.Bytes ?? 0);

    /// <summary>Figures so far.</summary>
    public ShardFigures Figures
    {
        get
        {
            lock (_gate)
                return new ShardFigures(_version, _duplicates, _refused, _bytesPushed, _bytesPulled, _staleness.Snapshot());
        }
    }

    /// <summary>
    /// The values of all keys where they lie; null if they lie among their state, or a regulariser acts on what is read. Pushes change it while it is
    /// read, as they may between two floats of a pull; valid until the shard is disposed.
    /// </summary>
    public ReadOnlyMemory<float>? ValuesInPlace => _aging is LazyAging ? null : _memory.ValuesInPlace;

    /// <summary>Floats of a key in what is pushed and pulled.</summary>
    public KeyFloats Floats => Job.KeyFloats;

    /// <summary>
    /// Applies a push once; a push of a name that was applied before changes nothing. Of a push that was cut, each part is applied once, in
    /// any order; with the last of them the push is complete: the version rises, and the regulariser acts.
    /// </summary>
    /// <param name="push">Name, kind, step, part.</param>
    /// <param name="keys">Local keys.</param>
    /// <param name="values">k floats a key (gradient), one entry a key (delta) or one state a key (state).</param>
    /// <returns>False if it, or this part of it, was a duplicate.</returns>
    /// <exception cref="ParameterException">Keys outside the shard or out of order, a wrong number of values, values not finite. Nothing was changed.</exception>
    public bool Push(in PushHeader push, ShardKeys keys, ReadOnlySpan<float> values)
    {
        CheckPush(push, keys, values);
        if (!TryEnter(push, PayloadBytes(keys, values.Length), out long staleness))
            return false;
        double rateSum = RateSum(push, staleness);
        Apply(push, rateSum, keys, values);
        bool isComplete = IsComplete(push);
        if (isComplete)
            Complete(push, rateSum, keys);
        lock (_gate)
        {
            Volatile.Write(ref _version, _version + (isComplete ? 1 : 0));
            Leave();
        }
        return true;
    }

    private void Complete(in PushHeader push, double rateSum, in ShardKeys keys)
    {
        _clock.Pass(rateSum, IsStep(push.Kind));
        if (!AgesInItsStep(push, keys))
            _aging?.Age(rateSum);
        if (push.Kind != PushKind.State && push.Name.Source != PushName.Leader && push.Step + 1 >= Job.AverageFrom)
            _average?.Count();
    }

    private static bool IsStep(PushKind kind) => kind is PushKind.Gradient or PushKind.GradientAtPoint;

    // A whole shard's gradient is stepped on and aged in one pass over the memory.
    private bool AgesInItsStep(in PushHeader push, in ShardKeys keys) =>
        _aging is EagerAging && IsStep(push.Kind) && push.Parts <= 1 && keys.IsRange && keys.Count == _memory.KeyCount;

    // A gradient's time is its step's rate; one that many others overtook may be applied at a lower one (a claim from the future counts as fresh).
    private double RateSum(in PushHeader push, long staleness)
    {
        if (!IsStep(push.Kind))
            return push.RateSum;
        float rate = _rule.Schedule.Rate(push.Step);
        return _rule.StalenessAware ? rate / (1f + Math.Max(0, staleness)) : rate;
    }

    private bool TryEnter(in PushHeader push, long payloadBytes, out long staleness)
    {
        lock (_gate)
        {
            ThrowIfClosed();
            staleness = _version - push.ReadVersion;
            _bytesPushed += payloadBytes;
            switch (_parts.Admit(push, _window))
            {
                case PartAdmission.Duplicate:
                    _duplicates++;
                    return false;
                case PartAdmission.CutOtherwise:
                    _refused++;
                    throw Invalid($"the push {push.Name.Source:x}/{push.Name.Sequence} was begun in another number of parts than {Math.Max(push.Parts, 1)}; cut a push in the same way whenever it is sent");
            }
            if (push.Parts <= 1)
                _window.TryAdmit(push.Name);
            if (push.Part == 0)
                _staleness.Record(staleness);
            _users++;
            return true;
        }
    }

    private bool IsComplete(in PushHeader push)
    {
        if (push.Parts <= 1)
            return true;
        lock (_gate)
        {
            bool isLast = _parts.Applied(push);
            if (isLast)
                _window.TryAdmit(push.Name);
            return isLast;
        }
    }

    // What gathers keys, computes and scatters them would lose all that others do to them meanwhile: it locks the stripes of its keys, one after the other.
    private void Apply(in PushHeader push, double rateSum, in ShardKeys keys, ReadOnlySpan<float> values)
    {
        var at = new StepAt((float)rateSum, _clock.Steps + 1) { Elapsed = AgesInItsStep(push, keys) ? (float)rateSum : 0 };
        if (keys.IsRange || (push.Kind == PushKind.Delta && _aging is null && _average is null))
        {
            ApplyPart(push, at, keys, values);
            return;
        }
        int floats = values.Length / Math.Max(1, keys.Count);
        for (int start = 0; start < keys.Count;)
        {
            int stripe = keys[start] / _memory.StripeKeys;
            int count = keys.Within(new KeyRange((long)stripe * _memory.StripeKeys, _memory.StripeKeys)).Count;
            lock (_memory.LockOf(stripe))
                ApplyPart(push, at, keys.Slice(start, count), values.Slice(start * floats, count * floats));
            start += count;
        }
    }

    private void ApplyPart(in PushHeader push, StepAt at, in ShardKeys keys, ReadOnlySpan<float> values)
    {
        _aging?.BeforeTouch(keys, IsStep(push.Kind));
        if (push.Kind == PushKind.State)
        {
            _memory.Set(keys, values, Floats.State);
            _beside?.Set(keys, values);
            return;
        }
        _average?.BeforeTouch(keys);
        if (push.Kind == PushKind.Delta)
            _memory.Add(keys, values);
        else if (_fullGradient is not null)
            _fullGradient.Add(push.Step, keys, values);
        else
            StepOrAverage(at, push.Kind == PushKind.GradientAtPoint, keys, values);
    }

    // Running statistics lie between parameters: what a gradient push holds for them is added, the rest is stepped on.
    private void StepOrAverage(StepAt at, bool hasPoints, in ShardKeys keys, ReadOnlySpan<float> gradient)
    {
        int done = 0, stride = hasPoints ? 2 : 1, width = _memory.Width * stride;
        foreach (KeyRange averaged in _memory.Averaged)
        {
            (int start, int count) = keys.Within(averaged);
            if (count == 0)
                continue;
            _steps.Step(at, hasPoints, keys.Slice(done, start - done), gradient[(done * width)..(start * width)]);
            _memory.AddToValues(keys.Slice(start, count), gradient.Slice(start * width, count * width), stride);
            done = start + count;
        }
        _steps.Step(at, hasPoints, keys.Slice(done, keys.Count - done), gradient[(done * width)..]);
    }

    /// <summary>Reads the keys' floats as they are now.</summary>
    /// <param name="keys">Local keys.</param>
    /// <param name="part">Which floats.</param>
    /// <param name="packed">Filled; exactly as many floats as keys times those of <see cref="Floats"/>.</param>
    /// <returns>The version when the read began.</returns>
    /// <exception cref="ParameterException">Keys outside the shard or out of order, or a wrong length.</exception>
    public long Pull(ShardKeys keys, PullPart part, Span<float> packed)
    {
        CheckKeys(keys);
        int stride = Floats.Of(part);
        if (packed.Length != keys.Count * stride)
            throw Invalid($"a pull of {keys.Count} keys of {stride} floats needs {keys.Count * stride} floats of room, not {packed.Length}");
        long version;
        lock (_gate)
        {
            ThrowIfClosed();
            _users++;
            version = _version;
            _bytesPulled += packed.Length * sizeof(float);
        }
        bool areEntries = part is PullPart.Entries or PullPart.State;
        Span<float> current = packed[..(keys.Count * (areEntries ? Floats.Entry : Floats.Width))];
        _memory.Copy(keys, areEntries, current);
        _aging?.Refresh(keys, current, areEntries ? _memory.Stride : 1);
        if (part == PullPart.Averages)
            _average?.Apply(keys, packed);
        if (part == PullPart.State && _beside is not null)
        {
            Spread(keys.Count, packed);
            _beside.Read(keys, packed);
        }
        lock (_gate)
            Leave();
        return version;
    }

    // From entries side by side to states with room behind each entry.
    private void Spread(int keys, Span<float> states)
    {
        for (int key = keys - 1; key > 0; key--)
            states.Slice(key * Floats.Entry, Floats.Entry).CopyTo(states[(key * Floats.State)..]);
    }

    /// <summary>Refuses further calls; frees the memory as soon as no call is under way.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            _users++;
            Leave();
        }
    }

    // Under _gate.
    private void Leave()
    {
        if (--_users > 0 || !_closed)
            return;
        (_aging as IDisposable)?.Dispose();
        _beside?.Dispose();
        _memory.Dispose();
    }

    // Under _gate.
    private void ThrowIfClosed()
    {
        if (_closed)
            throw new ParameterException(ParameterFault.NotFound, $"{Name} is no longer on this server.");
    }

    private void CheckPush(in PushHeader push, in ShardKeys keys, ReadOnlySpan<float> values)
    {
        try
        {
            CheckKeys(keys);
            if (_fullGradient is not null && !keys.IsRange)
                throw Invalid("a job with snapshots takes whole ranges of keys, not lists");
            if (push.Kind == PushKind.State && !keys.IsRange)
                throw Invalid("states are pushed for ranges of keys, not for lists");
            int stride = Floats.Of(push.Kind);
            if (values.Length != (long)keys.Count * stride)
                throw Invalid($"a push of {keys.Count} keys of {stride} floats needs {(long)keys.Count * stride} values, not {values.Length}");
            if (push.Name.Sequence == 0)
                throw Invalid("a push's sequence counts from 1; it is 0");
            if (push.Part < 0 || push.Part >= Math.Max(push.Parts, 1))
                throw Invalid($"the push is part {push.Part} of {push.Parts}; parts are numbered from 0");
            if (!double.IsFinite(push.RateSum) || push.RateSum < 0 || push.Step < 0)
                throw Invalid($"a push's step and rate sum must be finite and not negative; they are {push.Step} and {push.RateSum}");
            if (!AllFinite.Check(values))
                throw new ParameterException(ParameterFault.NotFinite, $"{Name}: the push at step {push.Step:N0} holds NaN or infinite values; it was not applied. Lower the learning rate or scale the features (distsgd train: --learning-rate, --scale on).") { Step = push.Step };
        }
        catch (ParameterException)
        {
            lock (_gate)
                _refused++;
            throw;
        }
    }

    /// <summary>Checks keys without reading or changing anything.</summary>
    /// <param name="keys">Local keys.</param>
    /// <exception cref="ParameterException">Keys outside the shard or out of order.</exception>
    public void CheckKeys(in ShardKeys keys)
    {
        if (keys.IsRange)
        {
            if (keys.First < 0 || keys.Count < 0 || keys.First > _memory.KeyCount - keys.Count)
                throw Invalid($"{keys.Count} keys from {keys.First} on reach beyond the shard's {_memory.KeyCount} keys");
            return;
        }
        ReadOnlySpan<uint> list = keys.List;
        for (int i = 1; i < list.Length; i++)
        {
            if (list[i] <= list[i - 1])
                throw Invalid($"keys must be strictly ascending; key {list[i]} at place {i} follows {list[i - 1]}");
        }
        if (list.Length > 0 && list[^1] >= (uint)_memory.KeyCount)
            throw Invalid($"key {list[^1]} is beyond the shard's {_memory.KeyCount} keys");
    }

    private string Name => $"Job '{Job.Name}', shard {Number}";

    private ParameterException Invalid(string what) => new(ParameterFault.Invalid, $"{Name}: {what}.");

    private static long PayloadBytes(in ShardKeys keys, int floats) => sizeof(float) * (long)floats + sizeof(uint) * (long)keys.List.Length;
}
