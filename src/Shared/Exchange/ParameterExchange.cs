namespace DistSgd.Shared.Exchange;

/// <summary>How the values of a push are meant.</summary>
public enum PushKind
{
    /// <summary>A mean gradient, k floats a key; the shard runs the update rule.</summary>
    Gradient,

    /// <summary>A difference of whole entries (value, optimizer state); the shard adds it.</summary>
    Delta,

    /// <summary>A mean gradient and the point at which it was computed, two floats a parameter; the shard makes up for what changed since, and runs the update rule.</summary>
    GradientAtPoint,

    /// <summary>Whole states, as <see cref="PullPart.State"/> reads them, that the shard takes in place of its own. Ranges of keys only.</summary>
    State,
}

/// <summary>Which floats of each key are pulled.</summary>
public enum PullPart
{
    /// <summary>The parameters' values: k floats a key.</summary>
    Values,

    /// <summary>Values, each with its optimizer state: one entry a key.</summary>
    Entries,

    /// <summary>The averages of the values over the pushes of a job that averages, as many floats as <see cref="Values"/>; of another job, and before its averaging began, the values.</summary>
    Averages,

    /// <summary>All that is kept of a key: its entry, then with SVRG the k values of the snapshot, or with averages k means and the number of pushes in them (exact to 2²⁴).</summary>
    State,
}

/// <summary>Floats of a key in what is pushed and pulled.</summary>
/// <param name="Width">Its parameters, k.</param>
/// <param name="Entry">Its entry: each parameter's value and optimizer state.</param>
/// <param name="State">Its whole state: the entry and what is kept beside it.</param>
public readonly record struct KeyFloats(int Width, int Entry, int State)
{
    /// <summary>Floats a key of a push.</summary>
    /// <param name="kind">How the values are meant.</param>
    public int Of(PushKind kind) => kind switch
    {
        PushKind.Delta => Entry,
        PushKind.GradientAtPoint => 2 * Width,
        PushKind.State => State,
        _ => Width,
    };

    /// <summary>Floats a key of a pull.</summary>
    /// <param name="part">Which floats.</param>
    public int Of(PullPart part) => part switch
    {
        PullPart.Entries => Entry,
        PullPart.State => State,
        _ => Width,
    };
}

/// <summary>What a push is called, so that it is applied once however often it is sent.</summary>
/// <param name="Source">A partition of a job's data, or one incarnation of a client program.</param>
/// <param name="Sequence">Counts up from 1 for each push of that source.</param>
public readonly record struct PushName(ulong Source, ulong Sequence)
{
    /// <summary>The source of what a training begins with, which is no step of it.</summary>
    public const ulong Leader = ulong.MaxValue;
}

/// <summary>What a shard is told with the values of a push.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Kind">How the values are meant.</param>
/// <param name="Step">The job's step at which it begins.</param>
/// <param name="RateSum">Sum of the learning rates of the steps in a <see cref="PushKind.Delta"/>.</param>
/// <param name="ReadVersion">The shard's version that the values were computed from.</param>
public readonly record struct PushHeader(PushName Name, PushKind Kind, long Step, double RateSum, long ReadVersion)
{
    /// <summary>Which part of a push that was cut this is, from 0.</summary>
    public int Part { get; init; }

    /// <summary>Into how many parts, of one name and different keys, the push was cut; 0 and 1: it is whole.</summary>
    public int Parts { get; init; }
}

/// <summary>
/// One round of a worker with all shards: an optional push, then an optional pull that sees it. The object and its buffers belong to the
/// caller and are used again for the next round, so that a round allocates nothing. Not for use by two rounds at once.
/// </summary>
public sealed class ParameterExchange
{
    /// <summary>Makes an exchange for a job of so many shards.</summary>
    /// <param name="shards">Number of shards.</param>
    public ParameterExchange(int shards)
    {
        ReadVersions = new long[shards];
        PulledVersions = new long[shards];
    }

    /// <summary>The keys that are pushed; null for no push.</summary>
    public KeySet? PushKeys { get; set; }

    /// <summary>Values of the push, in the order of its keys.</summary>
    public ReadOnlyMemory<float> PushValues { get; set; }

    /// <summary>Name of the push.</summary>
    public PushName PushName { get; set; }

    /// <summary>How the values are meant.</summary>
    public PushKind PushKind { get; set; }

    /// <summary>The job's step at which the push begins.</summary>
    public long Step { get; set; }

    /// <summary>Sum of the learning rates of the steps in a <see cref="PushKind.Delta"/>.</summary>
    public double RateSum { get; set; }

    /// <summary>Per shard, the version that the push was computed from.</summary>
    public long[] ReadVersions { get; }

    /// <summary>The keys that are pulled; null for no pull.</summary>
    public KeySet? PullKeys { get; set; }

    /// <summary>Which floats are pulled.</summary>
    public PullPart PullPart { get; set; }

    /// <summary>Filled with what is pulled, in the order of the keys.</summary>
    public Memory<float> Pulled { get; set; }

    /// <summary>Per shard, the version at which the pull read, or, where there is no pull, but <see cref="IParameterClient.ValuesInPlace"/>, the one behind the push. Filled.</summary>
    public long[] PulledVersions { get; }

    /// <summary>True if a shard had applied the push before. Filled.</summary>
    public bool Duplicate { get; set; }
}
