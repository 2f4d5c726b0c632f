namespace DistSgd.Learning.Data;

/// <summary>What labels a data set has, as written in its file.</summary>
public sealed class LabelSummary
{
    /// <summary>Up to so many distinct labels are counted one by one; a set with more is called real-valued.</summary>
    public const int DistinctMax = 1000;

    private LabelSummary(IReadOnlyList<LabelCount>? distinct, float minimum, float maximum, double mean)
    {
        Distinct = distinct;
        Minimum = minimum;
        Maximum = maximum;
        Mean = mean;
    }

    /// <summary>The distinct labels in ascending order with their counts; null if there are more than <see cref="DistinctMax"/> (real-valued).</summary>
    public IReadOnlyList<LabelCount>? Distinct { get; }

    /// <summary>Smallest label; 0 for a set without rows.</summary>
    public float Minimum { get; }

    /// <summary>Largest label; 0 for a set without rows.</summary>
    public float Maximum { get; }

    /// <summary>Mean label; 0 for a set without rows.</summary>
    public double Mean { get; }

    /// <summary>"−1 (12,500 rows), 1 (12,500 rows)", cut after a few; or "real-valued, from … to …, mean …".</summary>
    public override string ToString()
    {
        const int ShownMax = 12;
        if (Distinct is null) return $"real-valued, from {Minimum} to {Maximum}, mean {Mean:G6}";
        string shown = string.Join(", ", Distinct.Take(ShownMax).Select(d => $"{d.Label} ({Formats.Plural.Of(d.Count, "row")})"));
        return Distinct.Count > ShownMax ? $"{shown}, … ({Distinct.Count} distinct labels)" : shown;
    }

    internal static LabelSummary Of(Dataset data)
    {
        var counts = new LabelCounter(DistinctMax);
        float minimum = float.PositiveInfinity;
        float maximum = float.NegativeInfinity;
        double sum = 0;
        foreach (var segment in data.Segments)
        {
            // Most files have two labels: each run of equal ones is counted at once.
            var labels = segment.Labels;
            for (int start = 0; start < labels.Length;)
            {
                float label = labels[start];
                int run = 1;
                while (start + run < labels.Length && labels[start + run] == label) run++;
                start += run;
                minimum = Math.Min(minimum, label);
                maximum = Math.Max(maximum, label);
                sum += (double)label * run;
                counts.Add(label, run);
            }
        }
        if (data.RowCount == 0) return new LabelSummary([], 0, 0, 0);
        return new LabelSummary(counts.ToArray(), minimum, maximum, sum / data.RowCount);
    }
}

/// <summary>A label and how many rows have it.</summary>
/// <param name="Label">As written in the file.</param>
/// <param name="Count">Rows.</param>
public readonly record struct LabelCount(float Label, long Count);

/// <summary>Counts distinct labels in ascending order, up to a bound.</summary>
internal sealed class LabelCounter(int distinctMax)
{
    private readonly float[] _labels = new float[distinctMax];
    private readonly long[] _counts = new long[distinctMax];
    private int _distinct;
    private bool _tooMany;
    private int _last;

    /// <summary>Counts a run of equal labels.</summary>
    public void Add(float label, int rows)
    {
        if (_tooMany) return;
        if (_last >= _distinct || _labels[_last] != label) _last = PlaceOf(label);
        if (_tooMany) return;
        _counts[_last] += rows;
    }

    /// <summary>The labels with their counts; null if there are more than the bound.</summary>
    public LabelCount[]? ToArray()
    {
        if (_tooMany) return null;
        var labels = new LabelCount[_distinct];
        for (int i = 0; i < labels.Length; i++) labels[i] = new LabelCount(_labels[i], _counts[i]);
        return labels;
    }

    private int PlaceOf(float label)
    {
        int place = 0;
        for (int end = _distinct; place < end;)
        {
            int middle = (place + end) / 2;
            if (_labels[middle] < label) place = middle + 1;
            else end = middle;
        }
        if (place < _distinct && _labels[place] == label) return place;
        if (_distinct == distinctMax)
        {
            _tooMany = true;
            return place;
        }
        Array.Copy(_labels, place, _labels, place + 1, _distinct - place);
        Array.Copy(_counts, place, _counts, place + 1, _distinct - place);
        (_labels[place], _counts[place]) = (label, 0);
        _distinct++;
        return place;
    }
}
