using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Shared.Exchange;

namespace DistSgd.Worker;

/// <summary>
/// The buffers of one block on its way through the worker: what was pulled for it, and what is pushed from it. Two of them alternate, so
/// that one is computed while the other's exchange is under way.
/// </summary>
internal sealed class Round : IDisposable
{
    private readonly NativeBuffer<float> _pulled;
    private readonly NativeBuffer<float> _pushed;
    private readonly Memory<float> _pulledMemory;
    private readonly Memory<float> _pushedMemory;

    public Round(int keysMax, int pulledFloats, int pushedFloats, int shards)
    {
        (PulledFloats, PushedFloats) = (pulledFloats, pushedFloats);
        _pulled = new NativeBuffer<float>(checked(keysMax * pulledFloats));
        _pushed = new NativeBuffer<float>(checked(keysMax * pushedFloats));
        _pulledMemory = _pulled.AsMemory(0, keysMax * pulledFloats);
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

    /// <summary>Per shard, the version at which <see cref="Pulled"/> was read.</summary>
    public long[] Versions { get; }

    /// <summary>The block whose parameters were pulled.</summary>
    public Block Block { get; private set; } = null!;

    /// <summary>Its keys.</summary>
    public KeySet Keys { get; private set; } = null!;

    /// <summary>Its parameters as pulled.</summary>
    public Memory<float> Pulled => _pulledMemory[..(Keys.Count * PulledFloats)];

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
