using DistSgd.Kernels;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// The native memory of one shard: its parameters, each a value and its optimizer state. Where lists of keys or differences of entries are pushed, a value
/// is followed by its state, parameter after parameter, so that an update touches one cache line. Where gradients of whole ranges are pushed, or of keys that fill cache lines, all values
/// lie side by side, then all first slots, and so on, so that the rule runs over vectors and a pull of values is a copy.
/// Pages stay untouched (and cost nothing) until a key on them is used.
/// </summary>
/// <remarks>
/// Whole ranges are written stripe by stripe under a lock a stripe, since long vectorised loops over the same memory would lose updates
/// all the time. Lists of keys are written without locks (Hogwild, Niu et al. 2011): see <see cref="ParameterShard"/>.
/// </remarks>
internal sealed class ShardMemory : IDisposable
{
    /// <summary>Most parameters a stripe.</summary>
    public const int StripePositions = 16_384;

    private const int PlaneAlignment = 16;

    // From so many parameters a key on, its values fill cache lines of their own.
    private const int WideKey = 16;

    private readonly NativeBuffer<float> _buffer;
    private readonly Lock[] _stripes;

    public ShardMemory(TrainingJob job, KeyRange range)
    {
        (Width, Stride, EntryFloats) = (job.Width, job.Stride, job.EntryFloats);
        IsPlanar = Stride == 1 || (job.LocalSteps == 0 && (!job.Sparse || Width >= WideKey));
        StripeKeys = Math.Max(1, StripePositions / Width);
        long positions = range.Count * Width, floats = FloatsOf(positions, Stride, IsPlanar);
        if (floats > Array.MaxLength)
        {
            throw new ParameterException(ParameterFault.Exhausted,
                $"A shard of {range.Count:N0} keys with {EntryFloats} floats each takes {floats:N0} floats of memory; one shard may take {Array.MaxLength:N0}. Cut the model into more shards.");
        }
        KeyCount = (int)range.Count;
        (PositionStep, SlotStep) = IsPlanar ? (1, (int)PlaneStep(positions)) : (Stride, 1);
        _buffer = new NativeBuffer<float>(floats);
        _stripes = new Lock[StripesOf(KeyCount, StripeKeys)];
        for (int i = 0; i < _stripes.Length; i++)
            _stripes[i] = new Lock();
        Regularized = Local(job.Tables.Where(table => table.Regularized), range);
        Averaged = Local(job.Tables.Where(table => table.IsAveraged), range);
    }

    /// <summary>Floats of the memory of so many parameters: planes have gaps of a few floats between them.</summary>
    public static long FloatsOf(long positions, int stride, bool isPlanar) => isPlanar ? positions + (stride - 1) * PlaneStep(positions) : positions * stride;

    /// <summary>Stripes of so many keys.</summary>
    public static int StripesOf(long keys, int stripeKeys) => (int)((keys + stripeKeys - 1) / stripeKeys);

    /// <summary>Signature of what is done to a part of a stripe.</summary>
    public delegate void StripeAction<in T>(T state, KeyRange keys)
        where T : allows ref struct;

    /// <summary>Parameters a key, k.</summary>
    public int Width { get; }

    /// <summary>Floats a parameter: its value, then its optimizer state.</summary>
    public int Stride { get; }

    /// <summary>Floats a key: width · stride.</summary>
    public int EntryFloats { get; }

    /// <summary>True: values side by side, then each slot; false: entry after entry.</summary>
    public bool IsPlanar { get; }

    /// <summary>Floats from a parameter to the next.</summary>
    public int PositionStep { get; }

    /// <summary>Floats from a parameter's value to its first slot, and from slot to slot.</summary>
    public int SlotStep { get; }

    /// <summary>Keys a stripe.</summary>
    public int StripeKeys { get; }

    /// <summary>Keys of the shard.</summary>
    public int KeyCount { get; }

    /// <summary>The local keys that the regulariser acts on.</summary>
    public KeyRange[] Regularized { get; }

    /// <summary>The local keys whose gradients are changes to be added, not stepped on.</summary>
    public KeyRange[] Averaged { get; }

    /// <summary>Bytes reserved.</summary>
    public long Bytes => _buffer.Length * sizeof(float);

    /// <summary>All floats.</summary>
    public Span<float> Floats => _buffer.AsSpan(0, (int)_buffer.Length);

    /// <summary>All values where they lie; null unless side by side.</summary>
    public ReadOnlyMemory<float>? ValuesInPlace => IsPlanar ? (ReadOnlyMemory<float>?)_buffer.AsMemory(0, KeyCount * Width) : null;

    /// <summary>The parameters of some keys, planar memory only.</summary>
    public RulePlanes Planes(KeyRange keys)
    {
        int first = (int)keys.First * Width, count = (int)keys.Count * Width;
        return new RulePlanes(Plane(0, first, count), Plane(1, first, count), Plane(2, first, count), Plane(3, first, count));
    }

    /// <summary>True if a key's values fill vectors of their own, so that it is worked on where it lies.</summary>
    public bool HasWideKeys => IsPlanar && Width >= WideKey;

    /// <summary>Copies parameters to planes.</summary>
    public void Gather(ReadOnlySpan<int> positions, RulePlanes planes)
    {
        if (HasWideKeys)
        {
            CopyRuns(positions, planes);
            return;
        }
        ReadOnlySpan<float> floats = Floats;
        for (int slot = 0; slot < Stride; slot++)
        {
            Span<float> plane = planes[slot];
            int offset = slot * SlotStep;
            for (int i = 0; i < positions.Length; i++)
                plane[i] = floats[positions[i] * PositionStep + offset];
        }
    }

    /// <summary>Copies planes back to their parameters.</summary>
    public void Scatter(ReadOnlySpan<int> positions, RulePlanes planes)
    {
        Span<float> floats = Floats;
        for (int slot = 0; slot < Stride; slot++)
        {
            ReadOnlySpan<float> plane = planes[slot];
            int offset = slot * SlotStep;
            for (int i = 0; i < positions.Length; i++)
                floats[positions[i] * PositionStep + offset] = plane[i];
        }
    }

    /// <summary>Copies parameters that follow each other to planes; entry after entry only.</summary>
    public void GatherRange(int first, RulePlanes planes)
    {
        if (Stride == 2)
        {
            InterleavedPairs.Split(Floats.Slice(2 * first, 2 * planes.Count), planes.Values, planes.First);
            return;
        }
        ReadOnlySpan<float> entries = Floats.Slice(first * Stride, planes.Count * Stride);
        for (int i = 0; i < entries.Length; i++)
            planes[i % Stride][i / Stride] = entries[i];
    }

    /// <summary>Copies planes back to parameters that follow each other; entry after entry only.</summary>
    public void ScatterRange(int first, RulePlanes planes)
    {
        if (Stride == 2)
        {
            InterleavedPairs.Join(planes.Values, planes.First, Floats.Slice(2 * first, 2 * planes.Count));
            return;
        }
        Span<float> entries = Floats.Slice(first * Stride, planes.Count * Stride);
        for (int i = 0; i < entries.Length; i++)
            entries[i] = planes[i % Stride][i / Stride];
    }

    /// <summary>The end of the run of places from one on whose keys are all regularised, or none is.</summary>
    public int RunEnd(in ShardKeys keys, int start, out bool regularized)
    {
        foreach (KeyRange range in Regularized)
        {
            (int first, int count) = keys.Within(range);
            if (count == 0 || first + count <= start)
                continue;
            regularized = first <= start;
            return regularized ? first + count : first;
        }
        regularized = false;
        return keys.Count;
    }

    /// <summary>What orders writers of a stripe's keys; a thread that holds it may take it again.</summary>
    public Lock LockOf(int stripe) => _stripes[stripe];

    /// <summary>Does something to a range of local keys, stripe by stripe, each under its lock.</summary>
    public void ForEachStripe<T>(KeyRange range, T state, StripeAction<T> action)
        where T : allows ref struct
    {
        for (long first = range.First; first < range.End;)
        {
            int stripe = (int)(first / StripeKeys);
            long end = Math.Min(range.End, (stripe + 1L) * StripeKeys);
            lock (_stripes[stripe])
                action(state, new KeyRange(first, end - first));
            first = end;
        }
    }

    /// <summary>Adds entries (a value, then its state, parameter after parameter) to those of some keys.</summary>
    public void Add(in ShardKeys keys, ReadOnlySpan<float> entries)
    {
        if (!keys.IsRange)
        {
            if (PositionStep == Stride)
                ScatterAddEntries.Apply(keys.List, entries, EntryFloats, Floats);
            else
                AddAcross(keys, entries);
            return;
        }
        var push = new RangePush(this, keys.First, EntryFloats, entries);
        ForEachStripe(new KeyRange(keys.First, keys.Count), push, static (push, part) => push.Memory.AddRange(part, push.For(part)));
    }

    /// <summary>Replaces the entries of a range of keys by those that begin each of their states.</summary>
    public void Set(in ShardKeys keys, ReadOnlySpan<float> states, int stateFloats)
    {
        var push = new RangePush(this, keys.First, stateFloats, states);
        ForEachStripe(new KeyRange(keys.First, keys.Count), push, static (push, part) => push.Memory.SetRange(part, push.For(part), push.Floats));
    }

    /// <summary>Copies the values, or the entries, of some keys, packed in their order.</summary>
    public void Copy(in ShardKeys keys, bool entries, Span<float> packed)
    {
        ReadOnlySpan<float> floats = Floats;
        int slots = entries ? Stride : 1;
        if (PositionStep == slots && keys.IsRange)
            floats.Slice((int)keys.First * Width * slots, packed.Length).CopyTo(packed);
        else if (PositionStep == slots)
            GatherEntries.Copy(floats[..(KeyCount * Width * slots)], Width * slots, keys.List, packed);
        else
            CopyAcross(keys, slots, floats, packed);
    }

    public void Dispose() => _buffer.Dispose();

    // Planes begin where vectors do.
    private static long PlaneStep(long positions) => (positions + PlaneAlignment - 1) / PlaneAlignment * PlaneAlignment;

    private static KeyRange[] Local(IEnumerable<ParameterTable> tables, KeyRange range) =>
        [.. tables.Select(table => table.Keys.Intersect(range)).Where(keys => keys.Count > 0).Select(keys => new KeyRange(keys.First - range.First, keys.Count))];

    private Span<float> Plane(int plane, int first, int count) => plane >= Stride ? default : _buffer.AsSpan((long)plane * SlotStep + first, count);

    /// <summary>Adds to the values of keys, the first of each stride floats a parameter, and leaves their state; a whole key at a time under its stripe's lock.</summary>
    public void AddToValues(in ShardKeys keys, ReadOnlySpan<float> changes, int stride)
    {
        for (int place = 0; place < keys.Count; place++)
        {
            int first = keys[place] * Width;
            lock (_stripes[keys[place] / StripeKeys])
            {
                Span<float> floats = Floats;
                for (int i = 0; i < Width; i++)
                    floats[(first + i) * PositionStep] += changes[(place * Width + i) * stride];
            }
        }
    }

    // Parameters of one key follow each other, in memory as in the planes.
    private void CopyRuns(ReadOnlySpan<int> positions, RulePlanes planes)
    {
        Span<float> floats = Floats;
        for (int i = 0; i < positions.Length;)
        {
            int count = Math.Min(positions.Length - i, Width - positions[i] % Width);
            for (int slot = 0; slot < Stride; slot++)
                floats.Slice(positions[i] + slot * SlotStep, count).CopyTo(planes[slot][i..]);
            i += count;
        }
    }

    private void AddRange(KeyRange part, ReadOnlySpan<float> entries)
    {
        if (PositionStep == Stride)
            Kernels.Add.Apply(entries, Floats.Slice((int)part.First * EntryFloats, entries.Length));
        else
            AddAcross(ShardKeys.Range(part.First, (int)part.Count), entries);
    }

    private void SetRange(KeyRange part, ReadOnlySpan<float> states, int stateFloats)
    {
        Span<float> floats = Floats;
        for (int place = 0; place < part.Count; place++)
        {
            int first = ((int)part.First + place) * Width;
            for (int i = 0; i < EntryFloats; i++)
                floats[(first + i / Stride) * PositionStep + i % Stride * SlotStep] = states[place * stateFloats + i];
        }
    }

    private void AddAcross(in ShardKeys keys, ReadOnlySpan<float> entries)
    {
        Span<float> floats = Floats;
        int at = 0;
        for (int place = 0; place < keys.Count; place++)
        {
            int first = keys[place] * Width;
            for (int position = first; position < first + Width; position++)
            {
                for (int slot = 0; slot < Stride; slot++)
                    floats[position * PositionStep + slot * SlotStep] += entries[at++];
            }
        }
    }

    private void CopyAcross(in ShardKeys keys, int slots, ReadOnlySpan<float> floats, Span<float> packed)
    {
        int at = 0;
        for (int place = 0; place < keys.Count; place++)
        {
            int first = keys[place] * Width;
            for (int position = first; position < first + Width; position++)
            {
                for (int slot = 0; slot < slots; slot++)
                    packed[at++] = floats[position * PositionStep + slot * SlotStep];
            }
        }
    }

    private readonly ref struct RangePush(ShardMemory memory, long first, int floatsPerKey, ReadOnlySpan<float> values)
    {
        private readonly ReadOnlySpan<float> _values = values;

        public ShardMemory Memory { get; } = memory;

        public int Floats { get; } = floatsPerKey;

        public ReadOnlySpan<float> For(KeyRange part) => _values.Slice((int)(part.First - first) * Floats, (int)part.Count * Floats);
    }
}
