using DistSgd.Learning.Data;

namespace DistSgd.Learning.Preprocessing;

/// <summary>
/// What is done with each row before anything else: its features hashed, its length made 1, its dense features whitened, in this order. Fitted on the training data, kept in the model, and done
/// again with rows that are predicted. Immutable; any thread.
/// </summary>
public sealed record RowPreprocessing
{
    /// <summary>Nothing is done.</summary>
    public static RowPreprocessing None { get; } = new();

    /// <summary>Features are hashed to 2^HashBits; 0: they are not.</summary>
    public int HashBits { get; init; }

    /// <summary>Seed of the features' hash.</summary>
    public ulong HashSeed { get; init; }

    /// <summary>Whether rows are divided by their L2 norm; rows of zeros stay.</summary>
    public bool Normalizes { get; init; }

    /// <summary>How dense features are whitened; null: they aren't.</summary>
    public Whitening? Whitening { get; init; }

    /// <summary>Whether rows stay as they are.</summary>
    public bool IsNone => HashBits == 0 && !Normalizes && Whitening is null;

    /// <summary>The same with a whitening fitted to rows on which the other steps are done first.</summary>
    /// <param name="steps">Without a whitening.</param>
    /// <param name="data">The training data: at least two rows, at most <see cref="Whitening.FeaturesMax"/> features.</param>
    /// <param name="components">At most so many directions.</param>
    /// <param name="cancellationToken">Gives up within milliseconds.</param>
    public static RowPreprocessing Whitened(RowPreprocessing steps, Dataset data, int components, CancellationToken cancellationToken = default) =>
        steps with { Whitening = Whitening.Fit(data, new RowMap(steps, cancellationToken), components, cancellationToken) };

    /// <summary>Features afterwards.</summary>
    /// <param name="features">Features before.</param>
    public long Features(long features) => Whitening?.Components ?? (HashBits > 0 ? 1L << HashBits : features);

    /// <summary>The rows as training and prediction see them: copies, or, if nothing is to be done or was done already, the data itself.</summary>
    /// <param name="data">Rows as they were read.</param>
    /// <param name="cancellationToken">Gives up between rows.</param>
    public Dataset Apply(Dataset data, CancellationToken cancellationToken = default) =>
        IsNone || Equals(data.Preprocessing) ? data : Apply(data, [new RowRange(0, data.RowCount)], cancellationToken);

    /// <summary>The same with a choice of the rows.</summary>
    /// <param name="data">Rows as they were read.</param>
    /// <param name="rows">Ranges of it, ascending.</param>
    /// <param name="cancellationToken">Gives up between rows.</param>
    public Dataset Apply(Dataset data, RowRange[] rows, CancellationToken cancellationToken = default) =>
        RowSelection.Copy(data, rows, new RowMap(this, cancellationToken), Features(data.FeatureCount), this);

    /// <summary>The feature that a feature is hashed to: the upper bits of SplitMix64 of the feature xor the mixed seed.</summary>
    internal uint Hash(uint feature) => (uint)(SeededRandom.Mix(SeededRandom.Mix(HashSeed + 0x9E3779B97F4A7C15) ^ feature) >> (64 - HashBits));
}

/// <summary>Changes one row after another; holds the last one's result.</summary>
internal interface IRowMap
{
    /// <summary>The last row's indices, ascending.</summary>
    ReadOnlySpan<uint> Indices { get; }

    /// <summary>Their values.</summary>
    ReadOnlySpan<float> Values { get; }

    /// <summary>Takes a row.</summary>
    void Apply(SparseRow row);
}

/// <summary>Does a preprocessing to one row after another. One thread at a time.</summary>
internal sealed class RowMap(RowPreprocessing steps, CancellationToken cancellationToken = default) : IRowMap
{
    private uint[] _indices = [];
    private float[] _values = [];
    private int _count;

    public ReadOnlySpan<uint> Indices => _indices.AsSpan(0, _count);

    public ReadOnlySpan<float> Values => _values.AsSpan(0, _count);

    public void Apply(SparseRow row)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int room = Math.Max(row.Indices.Length, steps.Whitening?.Components ?? 0);
        if (_indices.Length < room) (_indices, _values) = (new uint[room], new float[room]);
        _count = row.Indices.Length;
        row.Indices.CopyTo(_indices);
        row.Values.CopyTo(_values);
        if (steps.HashBits > 0) Hash();
        if (steps.Normalizes) Normalize();
        if (steps.Whitening is { } whitening)
        {
            var whitened = new float[whitening.Components];
            whitening.Apply(Indices, Values, whitened);
            _count = whitened.Length;
            for (int i = 0; i < whitened.Length; i++) (_indices[i], _values[i]) = ((uint)i, whitened[i]);
        }
    }

    // Features that meet add up.
    private void Hash()
    {
        for (int i = 0; i < _count; i++) _indices[i] = steps.Hash(_indices[i]);
        _indices.AsSpan(0, _count).Sort(_values.AsSpan(0, _count));
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (kept > 0 && _indices[kept - 1] == _indices[i]) _values[kept - 1] += _values[i];
            else (_indices[kept], _values[kept++]) = (_indices[i], _values[i]);
        }
        _count = kept;
    }

    private void Normalize()
    {
        double squares = 0;
        for (int i = 0; i < _count; i++) squares += (double)_values[i] * _values[i];
        if (squares == 0) return;
        double factor = 1 / Math.Sqrt(squares);
        for (int i = 0; i < _count; i++) _values[i] = (float)(_values[i] * factor);
    }
}
