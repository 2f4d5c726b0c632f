namespace DistSgd.Learning.Data;

/// <summary>What a parser met in rows besides one label: a query's number (qid), or none or several labels. One thread's.</summary>
internal sealed class RowNotes
{
    private readonly List<float> _labels = [];
    private long? _query;
    private bool _isSet;

    /// <summary>Rows of a query, ascending.</summary>
    public List<(long Row, long Query)> Queries { get; } = [];

    /// <summary>Rows without a label or with several, ascending.</summary>
    public List<(long Row, long LineOffset, float[] Labels)> Sets { get; } = [];

    public void Begin()
    {
        _labels.Clear();
        (_query, _isSet) = (null, false);
    }

    /// <summary>The row's labels are a set, so far without members.</summary>
    public void BeginSet() => _isSet = true;

    public void AddLabel(float label) => _labels.Add(label);

    public void SetQuery(long query) => _query = query;

    /// <summary>The row was added under this number.</summary>
    public void Commit(long row, long lineOffset)
    {
        if (_query is { } query)
            Queries.Add((row, query));
        if (_isSet)
            Sets.Add((row, lineOffset, [.. _labels.Distinct().Order()]));
    }
}

/// <summary>Queries, label sets and weights of a whole data set; each empty where there are none. Immutable.</summary>
/// <param name="Queries">One a row.</param>
/// <param name="SetStarts">Where each row's labels start in SetLabels, one more than there are rows.</param>
/// <param name="SetLabels">The labels of all rows, ascending within a row.</param>
internal sealed record RowTargets(long[] Queries, int[] SetStarts, float[] SetLabels)
{
    public static RowTargets None { get; } = new([], [], []);

    /// <summary>One a row, or none.</summary>
    public float[] Weights { get; init; } = [];

    /// <summary>Those of some rows.</summary>
    /// <param name="rows">Ranges, ascending.</param>
    public RowTargets Of(RowRange[] rows)
    {
        if (Queries.Length + SetStarts.Length + Weights.Length == 0) return None;
        IEnumerable<long> numbers = rows.SelectMany(range => Enumerable.Range(0, (int)range.Count).Select(i => range.Start + i));
        var starts = new List<int> { 0 };
        var members = new List<float>();
        foreach (long row in SetStarts.Length == 0 ? [] : numbers)
        {
            members.AddRange(SetLabels.AsSpan(SetStarts[row]..SetStarts[row + 1]));
            starts.Add(members.Count);
        }
        return new RowTargets(Queries.Length == 0 ? [] : [.. numbers.Select(row => Queries[row])], SetStarts.Length == 0 ? [] : [.. starts], [.. members])
        {
            Weights = Weights.Length == 0 ? [] : [.. numbers.Select(row => Weights[row])],
        };
    }

    /// <summary>Joins what the parsers of the parts of a source met.</summary>
    /// <param name="parts">Rows of each part, and its notes.</param>
    /// <param name="labels">The first label of every row.</param>
    /// <param name="path">The source, for errors.</param>
    /// <param name="isWhole">False for a part of a source, which cannot tell by itself whether rows may have several labels.</param>
    /// <exception cref="DatasetException">Some rows have a query and others don't.</exception>
    /// <exception cref="LineFaultException">A row without a label, where no row has several.</exception>
    public static RowTargets Join(IReadOnlyList<(long Rows, RowNotes Notes)> parts, float[] labels, string path, bool isWhole)
    {
        long queried = parts.Sum(part => (long)part.Notes.Queries.Count);
        if (queried > 0 && queried != labels.Length)
            throw new DatasetException(path, $"{queried:N0} of {labels.Length:N0} rows have a query number (qid:); expected one in every row, or in none.");
        var queries = new long[queried];
        var sets = new float[]?[parts.Any(part => part.Notes.Sets.Count > 0) ? labels.Length : 0];
        long before = 0;
        bool several = false;
        foreach ((long rows, RowNotes notes) in parts)
        {
            foreach ((long row, long query) in notes.Queries)
                queries[before + row] = query;
            foreach ((long row, _, float[] members) in notes.Sets)
            {
                sets[before + row] = members;
                several |= members.Length > 1;
            }
            before += rows;
        }
        if (isWhole && sets.Length > 0 && !several)
        {
            (_, long lineOffset, _) = parts.SelectMany(part => part.Notes.Sets).First();
            throw new LineFaultException(lineOffset, new LineFault(0, "the label is missing (the line begins with a feature), and no row has several labels; expected a label first."));
        }
        var starts = new int[sets.Length == 0 ? 0 : sets.Length + 1];
        var members2 = new List<float>();
        for (int row = 0; row < sets.Length; row++)
        {
            members2.AddRange(sets[row] ?? [labels[row]]);
            starts[row + 1] = members2.Count;
        }
        return new RowTargets(queries, starts, [.. members2]);
    }
}
