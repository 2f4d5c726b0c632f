using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Shared.Exchange;

namespace DistSgd.Worker;

/// <summary>
/// The buffers of one block on its way through the worker: what was pulled for it, and what is pushed from it. With prefetch two of them alternate, so
/// that one is computed while the other's exchange is under way.
/// </summary>
internal sealed class Round : IDisposable
{
    private readonly ReadOnlyMemory<float>? _inPlace;
    private readonly NativeBuffer<float> _pulled;
    private readonly NativeBuffer<float> _pushed;
    private readonly Memory<float> _pulledMemory;
    private readonly Memory<float> _pushedMemory;

    /// <summary>Makes a round's buffers.</summary>
    /// <param name="keysMax">Most keys of a block.</param>
    /// <param name="pulledFloats">Floats a key that are pulled.</param>
    /// <param name="pushedFloats">Floats a key that are pushed.</param>
    /// <param name="shards">Shards of the job.</param>
    /// <param name="inPlace">The parameters, if they can be read where they lie; null: they are pulled.</param>
    public Round(int keysMax, int pulledFloats, int pushedFloats, int shards, ReadOnlyMemory<float>? inPlace)
    {
        (PulledFloats, PushedFloats) = (pulledFloats, pushedFloats);
        _inPlace = inPlace;
        _pulled = new NativeBuffer<float>(inPlace is null ? checked(keysMax * pulledFloats) : 0);
        _pushed = new NativeBuffer<float>(checked(keysMax * pushedFloats));
        _pulledMemory = _pulled.AsMemory(0, (int)_pulled.Length);
        _pushedMemory = _pushed.AsMemory(0, keysMax * pushedFloats);
        Exchange = new ParameterExchange(shards);
        Versions = new long[shards];
    }

    /// <summary>Floats a key that are pulled: entries with local steps, values without.</summary>
    public int PulledFloats { get; }

    /// <summary>Floats a key that are pushed: entries with local steps, gradients without, perhaps with the point at which they were computed.</summary>
    public int PushedFloats { get; }

    /// <summary>Carries this round's push and a later round's pull.</summary>
    public ParameterExchange Exchange { get; }

    /// <summary>Per shard, the version at which <see cref="Parameters"/> were read.</summary>
    public long[] Versions { get; }

    /// <summary>The block whose parameters were pulled.</summary>
    public Block Block { get; private set; } = null!;

    /// <summary>Its keys.</summary>
    public KeySet Keys { get; private set; } = null!;

    /// <summary>Room for its parameters, if they are pulled.</summary>
    public Memory<float> Pulled => _pulledMemory[..(Keys.Count * PulledFloats)];

    /// <summary>Its parameters: as pulled, or where they lie.</summary>
    public ReadOnlyMemory<float> Parameters => _inPlace ?? Pulled;

    /// <summary>Room for the delta or gradient of as many keys.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="floatsPerKey">At most <see cref="PushedFloats"/>.</param>
    public Memory<float> Pushed(KeySet keys, int floatsPerKey) => _pushedMemory[..(keys.Count * floatsPerKey)];

    /// <summary>Turns to the next block; what was pushed from the last one stays as it is.</summary>
    public void Turn(Block block, KeySet keys)
    {
        Block = block;
        Keys = keys;
    }

    public void Dispose()
    {
        _pulled.Dispose();
        _pushed.Dispose();
    }
}
