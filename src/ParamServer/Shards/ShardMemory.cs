using DistSgd.Kernels;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>
/// The native memory of one shard: a key's parameters, each a value followed by its optimizer state, key after key, so that an update touches one cache line.
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

    private readonly NativeBuffer<float> _buffer;
    private readonly Lock[] _stripes;

    public ShardMemory(TrainingJob job, KeyRange range)
    {
        (Width, Stride, EntryFloats) = (job.Width, job.Stride, job.EntryFloats);
        StripeKeys = Math.Max(1, StripePositions / Width);
        if (range.Count * EntryFloats > Array.MaxLength)
        {
            throw new ParameterException(ParameterFault.Exhausted,
                $"A shard of {range.Count:N0} keys with {EntryFloats} floats each is larger than one shard may be ({Array.MaxLength:N0} floats); cut the model into more shards.");
        }
        KeyCount = (int)range.Count;
        _buffer = new NativeBuffer<float>(range.Count * EntryFloats);
        _stripes = new Lock[(KeyCount + StripeKeys - 1) / StripeKeys];
        for (int i = 0; i < _stripes.Length; i++)
            _stripes[i] = new Lock();
        var regularized = new List<KeyRange>();
        foreach (ParameterTable table in job.Tables)
        {
            KeyRange keys = table.Keys.Intersect(range);
            if (table.Regularized && keys.Count > 0)
                regularized.Add(new KeyRange(keys.First - range.First, keys.Count));
        }
        Regularized = [.. regularized];
    }

    /// <summary>Signature of what is done to a part of a stripe.</summary>
    public delegate void StripeAction<in T>(T state, KeyRange keys, Span<float> entries)
        where T : allows ref struct;

    /// <summary>Parameters a key, k.</summary>
    public int Width { get; }

    /// <summary>Floats a parameter: its value, then its optimizer state.</summary>
    public int Stride { get; }

    /// <summary>Floats a key: width · stride.</summary>
    public int EntryFloats { get; }

    /// <summary>Keys a stripe.</summary>
    public int StripeKeys { get; }

    /// <summary>Keys of the shard.</summary>
    public int KeyCount { get; }

    /// <summary>The local keys that the regulariser acts on.</summary>
    public KeyRange[] Regularized { get; }

    /// <summary>Bytes reserved.</summary>
    public long Bytes => (long)KeyCount * EntryFloats * sizeof(float);

    /// <summary>All entries.</summary>
    public Span<float> Entries => _buffer.AsSpan(0, KeyCount * EntryFloats);

    /// <summary>Does something to a range of local keys, stripe by stripe, each under its lock.</summary>
    public void ForEachStripe<T>(KeyRange range, T state, StripeAction<T> action)
        where T : allows ref struct
    {
        for (long first = range.First; first < range.End;)
        {
            int stripe = (int)(first / StripeKeys);
            long end = Math.Min(range.End, (stripe + 1L) * StripeKeys);
            Span<float> entries = _buffer.AsSpan(first * EntryFloats, (int)(end - first) * EntryFloats);
            lock (_stripes[stripe])
                action(state, new KeyRange(first, end - first), entries);
            first = end;
        }
    }

    public void Dispose() => _buffer.Dispose();
}
