namespace DistSgd.Learning.Data;

/// <summary>
/// Translates labels of a file into those that learning uses, and back. Two classes: the smaller label is −1, the larger +1. Several
/// classes: their numbers 0 … k−1 in ascending order of the labels. Regression and ranking: labels stay as they are. Kept in the model. Immutable.
/// </summary>
public sealed class LabelMap : IEquatable<LabelMap>
{
    private const int ShownMax = 12;

    private readonly float[] _labels;

    private LabelMap(bool isBinary, float[] labels, IReadOnlyList<string>? names = null)
    {
        IsBinary = isBinary;
        _labels = labels;
        Names = names ?? [];
    }

    /// <summary>Labels stay as they are.</summary>
    public static LabelMap Identity { get; } = new(isBinary: false, []);

    /// <summary>Whether this maps two classes to −1 and +1.</summary>
    public bool IsBinary { get; }

    /// <summary>The texts of labels 0, 1, … for files whose labels are texts; empty where labels are numbers.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The file's label for −1.</summary>
    public float Negative => IsBinary ? _labels[0] : 0;

    /// <summary>The file's label for +1.</summary>
    public float Positive => IsBinary ? _labels[1] : 0;

    /// <summary>The file's labels of classes 0 … k−1, ascending; empty where labels are no class numbers.</summary>
    public IReadOnlyList<float> Classes => IsBinary ? [] : _labels;

    /// <summary>A map of two classes.</summary>
    /// <param name="negative">The file's label for −1.</param>
    /// <param name="positive">The file's label for +1; larger than <paramref name="negative"/>.</param>
    /// <exception cref="ArgumentException">The labels are not finite and ascending.</exception>
    public static LabelMap Binary(float negative, float positive)
    {
        if (!float.IsFinite(negative) || !float.IsFinite(positive) || negative >= positive)
            throw new ArgumentException($"The labels are {negative} and {positive}; expected two finite numbers, the smaller first.");
        return new LabelMap(isBinary: true, [negative, positive]);
    }

    /// <summary>A map of several classes.</summary>
    /// <param name="labels">The file's labels, at least two, ascending.</param>
    /// <exception cref="ArgumentException">They are not finite and strictly ascending.</exception>
    public static LabelMap OfClasses(IReadOnlyList<float> labels)
    {
        if (labels.Count < 2) throw new ArgumentException($"There are {labels.Count} classes; expected at least 2.", nameof(labels));
        for (int i = 0; i < labels.Count; i++)
        {
            if (!float.IsFinite(labels[i]) || (i > 0 && labels[i] <= labels[i - 1]))
                throw new ArgumentException($"Class {i} has the label {labels[i]}; expected finite labels in ascending order.", nameof(labels));
        }
        return new LabelMap(isBinary: false, [.. labels]);
    }

    /// <summary>The same map with the texts that stand for labels 0, 1, ….</summary>
    /// <param name="names">Empty: labels are numbers.</param>
    public LabelMap Named(IReadOnlyList<string> names) => new(IsBinary, _labels, names);

    /// <summary>A label of the file as it is written there.</summary>
    /// <param name="label">As a number.</param>
    public string Text(float label) => Names.Count > 0 && label >= 0 && label < Names.Count ? Names[(int)label] : label.ToString("R", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The map for a task with two classes, with the labels of a training set.</summary>
    /// <exception cref="LabelException">There are not exactly two distinct labels.</exception>
    public static LabelMap ForClassification(LabelSummary labels)
    {
        if (labels.Distinct is not { } distinct)
            throw new LabelException($"Two classes are needed, but the labels are {labels}. For real targets use --model linear.");
        if (distinct.Count == 2) return Binary(distinct[0].Label, distinct[1].Label);
        if (distinct.Count < 2) throw OneClass(distinct);
        string shown = string.Join(", ", distinct.Take(ShownMax).Select(d => d.Label)) + (distinct.Count > ShownMax ? ", …" : "");
        throw new LabelException(
            $"Two classes are needed, but there are {distinct.Count} distinct labels: {shown}. For several classes use --model softmax or multiclass-svm, "
            + "for real targets --model linear.");
    }

    /// <summary>The map for a task with several classes, with the labels of a training set.</summary>
    /// <exception cref="LabelException">There is one label only, or too many distinct ones.</exception>
    public static LabelMap ForClasses(LabelSummary labels)
    {
        if (labels.Distinct is not { } distinct)
            throw new LabelException($"At most {LabelSummary.DistinctMax} classes can be learned, but the labels are {labels}. For real targets use --model linear.");
        return distinct.Count >= 2 ? OfClasses([.. distinct.Select(d => d.Label)]) : throw OneClass(distinct);
    }

    /// <summary>The label that learning uses.</summary>
    /// <param name="label">As written in the file.</param>
    /// <param name="row">The row's number in the file, from 0, for the error.</param>
    /// <exception cref="LabelException">The label is none of the classes.</exception>
    public float ToLearning(float label, long row)
    {
        if (_labels.Length == 0) return label;
        if (!IsBinary) return ClassOf(label, row);
        if (label == Positive) return 1;
        if (label == Negative) return -1;
        throw Unknown(label, row);
    }

    /// <summary>The number of a class.</summary>
    /// <param name="label">As written in the file.</param>
    /// <param name="row">The row's number in the file, from 0, for the error.</param>
    /// <exception cref="LabelException">The label is none of the classes.</exception>
    public int ClassOf(float label, long row)
    {
        int number = Array.BinarySearch(_labels, label);
        if (number >= 0) return number;
        throw Unknown(label, row);
    }

    private LabelException Unknown(float label, long row)
    {
        string shown = IsBinary ? $"{Text(Negative)} or {Text(Positive)}" : $"one of {string.Join(", ", _labels.Take(ShownMax).Select(Text))}{(_labels.Length > ShownMax ? ", …" : "")}";
        return new LabelException($"Row {row + 1} has the label {label}, which the model does not know; expected {shown}.", row);
    }

    /// <summary>The file's label for one score: for two classes that of the score's side (0 counts as negative), else the score itself.</summary>
    public float ToFile(float score) => !IsBinary ? score : score > 0 ? Positive : Negative;

    /// <summary>Sees that all labels of a data set are known.</summary>
    /// <exception cref="LabelException">A label is none of the classes; file and line are named.</exception>
    public void Check(Dataset data)
    {
        if (_labels.Length == 0 || data.HasLabelSets) return;
        foreach (var segment in data.Segments)
        {
            int at = segment.Labels.IndexOfAnyExcept(_labels);
            if (at >= 0) throw Unknown(segment.Labels[at], segment.FirstRow + at).In(data);
        }
    }

    /// <summary>Maps all labels of a data set.</summary>
    /// <param name="data">The data.</param>
    /// <param name="target">Receives one label for each row, in order.</param>
    /// <exception cref="LabelException">A label is none of the classes.</exception>
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

    /// <inheritdoc/>
    public bool Equals(LabelMap? other) => other is not null && IsBinary == other.IsBinary && Names.SequenceEqual(other.Names, StringComparer.Ordinal) && _labels.AsSpan().SequenceEqual(other._labels);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LabelMap);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(IsBinary, _labels.Length, _labels.Length == 0 ? 0 : _labels[^1]);

    private static LabelException OneClass(IReadOnlyList<LabelCount> distinct) =>
        new($"Two classes are needed, but {(distinct.Count == 0 ? "there is no row" : $"every row has the label {distinct[0].Label}")}. Add rows of the other class.");
}

/// <summary>The labels of a data set don't fit the task.</summary>
/// <param name="message">What is wrong, and what to do.</param>
/// <param name="row">The row at fault, from 0; null: no single one.</param>
public sealed class LabelException(string message, long? row = null) : Exception(message)
{
    /// <summary>The same with the file's name and, if a row is at fault, its line before it. The line is found by reading the file again.</summary>
    /// <param name="data">The data set with these labels.</param>
    public LabelException In(Dataset data) => data.Path is null || Message.StartsWith(data.Path, StringComparison.Ordinal) ? this : new LabelException($"{data.Path}{Line(data)}: {Message}", row);

    private string Line(Dataset data)
    {
        if (row is not { } at || at >= data.RowCount) return "";
        var segment = data.Segments[data.SegmentOf(at)];
        try
        {
            using var source = SourceFile.Open(data.Path!);
            return $":{LineNumber.Of(source, segment.LineOffsets[(int)(at - segment.FirstRow)])}:1";
        }
        catch (Exception gone) when (gone is DatasetException or IOException or InvalidDataException)
        {
            return "";
        }
    }
}
