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

    /// <summary>"−1 (12500 rows), 1 (12500 rows)", cut after a few; or "real-valued, from … to …, mean …".</summary>
    public override string ToString()
    {
        const int ShownMax = 12;
        if (Distinct is null) return $"real-valued, from {Minimum} to {Maximum}, mean {Mean:G6}";
        string shown = string.Join(", ", Distinct.Take(ShownMax).Select(d => $"{d.Label} ({d.Count} rows)"));
        return Distinct.Count > ShownMax ? $"{shown}, … ({Distinct.Count} distinct labels)" : shown;
    }

    internal static LabelSummary Of(Dataset data)
    {
        var counts = new Dictionary<float, long>();
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
                if (counts.Count <= DistinctMax) counts[label] = counts.GetValueOrDefault(label) + run;
            }
        }
        if (data.RowCount == 0) return new LabelSummary([], 0, 0, 0);
        var distinct = counts.Count > DistinctMax ? null : counts.OrderBy(c => c.Key).Select(c => new LabelCount(c.Key, c.Value)).ToArray();
        return new LabelSummary(distinct, minimum, maximum, sum / data.RowCount);
    }
}

/// <summary>A label and how many rows have it.</summary>
/// <param name="Label">As written in the file.</param>
/// <param name="Count">Rows.</param>
public readonly record struct LabelCount(float Label, long Count);
