namespace DistSgd.Learning.Data;

/// <summary>
/// Translates labels of a file into those that learning uses, and back. Two classes: the smaller label is −1, the larger +1. Regression: labels stay as they are.
/// Kept in the model. Immutable.
/// </summary>
public sealed record LabelMap
{
    private const int ShownMax = 12;

    private LabelMap(bool isBinary, float negative, float positive)
    {
        IsBinary = isBinary;
        Negative = negative;
        Positive = positive;
    }

    /// <summary>Labels stay as they are.</summary>
    public static LabelMap Identity { get; } = new(isBinary: false, 0, 0);

    /// <summary>Whether this maps two classes.</summary>
    public bool IsBinary { get; }

    /// <summary>The file's label for −1.</summary>
    public float Negative { get; }

    /// <summary>The file's label for +1.</summary>
    public float Positive { get; }

    /// <summary>A map of two classes.</summary>
    /// <param name="negative">The file's label for −1.</param>
    /// <param name="positive">The file's label for +1; larger than <paramref name="negative"/>.</param>
    /// <exception cref="ArgumentException">The labels are not finite and ascending.</exception>
    public static LabelMap Binary(float negative, float positive)
    {
        if (!float.IsFinite(negative) || !float.IsFinite(positive) || negative >= positive)
            throw new ArgumentException($"The labels are {negative} and {positive}; expected two finite numbers, the smaller first.");
        return new LabelMap(isBinary: true, negative, positive);
    }

    /// <summary>The map for a classification task with the labels of a training set.</summary>
    /// <exception cref="LabelException">There are not exactly two distinct labels.</exception>
    public static LabelMap ForClassification(LabelSummary labels)
    {
        if (labels.Distinct is not { } distinct)
            throw new LabelException($"Two classes are needed, but the labels are {labels}. For real targets use --model linear.");
        if (distinct.Count == 2) return Binary(distinct[0].Label, distinct[1].Label);
        if (distinct.Count < 2)
            throw new LabelException($"Two classes are needed, but {(distinct.Count == 0 ? "there is no row" : $"every row has the label {distinct[0].Label}")}. Add rows of the other class.");
        string shown = string.Join(", ", distinct.Take(ShownMax).Select(d => d.Label)) + (distinct.Count > ShownMax ? ", …" : "");
        throw new LabelException(
            $"Two classes are needed, but there are {distinct.Count} distinct labels: {shown}. More than two classes are not available yet: map the labels to two, "
            + "or treat them as real targets with --model linear.");
    }

    /// <summary>The label that learning uses.</summary>
    /// <param name="label">As written in the file.</param>
    /// <param name="row">The row's number in the file, from 0, for the error.</param>
    /// <exception cref="LabelException">The label is neither of the two classes.</exception>
    public float ToLearning(float label, long row)
    {
        if (!IsBinary) return label;
        if (label == Positive) return 1;
        if (label == Negative) return -1;
        throw new LabelException($"Row {row + 1} has the label {label}, which the model does not know; expected {Negative} or {Positive}.");
    }

    /// <summary>The file's label for a score: for two classes that of the score's side (0 counts as negative), else the score itself.</summary>
    public float ToFile(float score) => !IsBinary ? score : score > 0 ? Positive : Negative;

    /// <summary>Maps all labels of a data set.</summary>
    /// <param name="data">The data.</param>
    /// <param name="target">Receives one label for each row, in order.</param>
    /// <exception cref="LabelException">A label is neither of the two classes.</exception>
    /// <exception cref="ArgumentException"><paramref name="target"/> is not as long as the data.</exception>
    public void Map(Dataset data, Span<float> target)
    {
        if (target.Length != data.RowCount) throw new ArgumentException($"There is room for {target.Length} labels; expected {data.RowCount}.", nameof(target));
        int row = 0;
        foreach (var segment in data.Segments)
        {
            foreach (float label in segment.Labels)
            {
                target[row] = ToLearning(label, row);
                row++;
            }
        }
    }
}

/// <summary>The labels of a data set don't fit the task.</summary>
public sealed class LabelException(string message) : Exception(message);
