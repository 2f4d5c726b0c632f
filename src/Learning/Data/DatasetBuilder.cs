namespace DistSgd.Learning.Data;

/// <summary>Receives rows one by one. One thread at a time.</summary>
public interface IRowSink
{
    /// <summary>Takes a row.</summary>
    /// <param name="label">Finite.</param>
    /// <param name="indices">0-based, strictly ascending.</param>
    /// <param name="values">One finite value for each index.</param>
    void Add(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values);
}

/// <summary>Makes a <see cref="Dataset"/> of rows given one by one. Each row counts as one byte of the source, so partitions have equally many rows.</summary>
public sealed class DatasetBuilder : IRowSink, IDisposable
{
    private const int FirstSegmentRows = 1 << 12;
    private const int SegmentRowsMax = 1 << 22;
    private const int FirstSegmentNonZeros = 1 << 16;
    private const int SegmentNonZerosMax = 1 << 26;

    private readonly RowNotes _notes = new();
    private readonly List<SegmentDraft> _drafts = [];
    private long _rows;
    private long _features;
    private bool _built;

    /// <summary>Features at least, also if the last ones occur in no row.</summary>
    internal long FeaturesMin { get; init; }

    /// <summary>The size of the images that the rows are; null: they are none.</summary>
    internal ImageSize? Image { get; init; }

    /// <inheritdoc />
    /// <exception cref="ArgumentException">The row is not as described.</exception>
    public void Add(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        ObjectDisposedException.ThrowIf(_built, this);
        Check(label, indices, values);
        if (_drafts.Count == 0 || !_drafts[^1].HasRoomFor(1, indices.Length)) _drafts.Add(NextDraft(indices.Length));
        _drafts[^1].Add(label, indices, values, _rows++);
        if (indices.Length > 0) _features = Math.Max(_features, indices[^1] + 1L);
    }

    /// <summary>Takes a row of a query. All rows have one, or none.</summary>
    /// <param name="label">How high it ranks; finite.</param>
    /// <param name="query">The query's number; rows of one query come one after the other.</param>
    /// <param name="indices">0-based, strictly ascending.</param>
    /// <param name="values">One finite value for each index.</param>
    /// <exception cref="ArgumentException">The row is not as described.</exception>
    public void Add(float label, long query, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        Add(label, indices, values);
        _notes.Begin();
        _notes.SetQuery(query);
        _notes.Commit(_rows - 1, 0);
    }

    /// <summary>Takes a row with any number of labels.</summary>
    /// <param name="labels">Finite; none, one or several.</param>
    /// <param name="indices">0-based, strictly ascending.</param>
    /// <param name="values">One finite value for each index.</param>
    /// <exception cref="ArgumentException">The row is not as described.</exception>
    public void Add(ReadOnlySpan<float> labels, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        Add(labels.Length == 0 ? 0 : labels[0], indices, values);
        _notes.Begin();
        _notes.BeginSet();
        foreach (float label in labels)
            _notes.AddLabel(label);
        _notes.Commit(_rows - 1, 0);
    }

    /// <summary>The data set, which then owns the memory; the builder is used up.</summary>
    /// <exception cref="InvalidOperationException">No row was added.</exception>
    public Dataset Build()
    {
        if (_rows == 0) throw new InvalidOperationException("A data set needs at least one row; none was added.");
        _built = true;
        long first = 0;
        var segments = new DatasetSegment[_drafts.Count];
        for (int i = 0; i < segments.Length; i++)
        {
            segments[i] = _drafts[i].Seal(first);
            first += segments[i].RowCount;
        }
        return new Dataset(segments, new DatasetFacts
        {
            SourceBytes = _rows,
            FeatureCount = Math.Max(_features, FeaturesMin),
            Image = Image,
            IndexBase = IndexBase.Zero,
            IndexBaseOrigin = IndexBaseOrigin.Given,
        })
        {
            Targets = Targets(segments),
        };
    }

    private RowTargets Targets(DatasetSegment[] segments)
    {
        if (_notes.Queries.Count + _notes.Sets.Count == 0)
            return RowTargets.None;
        var labels = new float[_rows];
        foreach (DatasetSegment segment in segments)
            segment.Labels.CopyTo(labels.AsSpan((int)segment.FirstRow));
        return RowTargets.Join([(_rows, _notes)], labels, "the rows given", isWhole: false);
    }

    /// <summary>Frees the memory, unless a data set was built.</summary>
    public void Dispose()
    {
        if (_built) return;
        _built = true;
        foreach (var draft in _drafts) draft.Dispose();
    }

    // Segments double in size, so that small sets stay small and large ones have few.
    private SegmentDraft NextDraft(int nonZeros)
    {
        int doublings = Math.Min(_drafts.Count, 10);
        return new SegmentDraft(
            Math.Min(FirstSegmentRows << doublings, SegmentRowsMax), Math.Max(nonZeros, Math.Min(FirstSegmentNonZeros << doublings, SegmentNonZerosMax)));
    }

    private static void Check(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        if (!float.IsFinite(label)) throw new ArgumentException($"The label is {label}; expected a finite number.", nameof(label));
        if (indices.Length != values.Length) throw new ArgumentException($"There are {indices.Length} indices and {values.Length} values; expected as many.", nameof(values));
        for (int i = 0; i < indices.Length; i++)
        {
            if (!float.IsFinite(values[i])) throw new ArgumentException($"Value {i} is {values[i]}; expected a finite number.", nameof(values));
            if (i > 0 && indices[i] <= indices[i - 1])
                throw new ArgumentException($"Index {indices[i]} follows {indices[i - 1]}; expected strictly ascending indices.", nameof(indices));
        }
    }
}
