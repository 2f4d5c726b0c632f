using System.Globalization;
using DistSgd.Learning.Data;

namespace DistSgd.Trainer;

/// <summary>What classes count: <c>balanced</c>, so that all count the same together, or <c>label:weight,…</c>, where those not named count 1.</summary>
public static class ClassWeights
{
    /// <summary>The word for weights that make all classes count the same.</summary>
    public const string Balanced = "balanced";

    /// <summary>Whether a text has one of the two forms.</summary>
    public static bool Admits(string text) => text == Balanced || (text.Length > 0 && text.Split(',').All(pair => Pair(pair) is not null));

    /// <summary>The label that a text of the second form names twice; null: none.</summary>
    public static string? Twice(string text) => text == Balanced ? null : text.Split(',').Select(pair => Pair(pair)!.Value.Label).GroupBy(label => label).FirstOrDefault(same => same.Count() > 1)?.Key;

    /// <summary>One weight a class, in the order of learning.</summary>
    /// <param name="text">Of a form that <see cref="Admits"/> takes; null: none.</param>
    /// <param name="data">The training data.</param>
    /// <param name="labels">Its labels' mapping, to classes.</param>
    /// <returns>Empty: classes count the same a row.</returns>
    /// <exception cref="TrainingException">There are no classes, or a label that is none of theirs.</exception>
    internal static float[] Of(string? text, Dataset data, LabelMap labels)
    {
        if (text is null)
            return [];
        float[] classes = labels.IsBinary ? [labels.Negative, labels.Positive] : [.. labels.Classes];
        if (classes.Length == 0 || data.HasLabelSets)
            throw new TrainingException($"--class-weight {text} is for rows that belong to one class each; leave it out.");
        if (text == Balanced)
            return Even(data, labels, classes.Length);
        float[] weights = [.. Enumerable.Repeat(1f, classes.Length)];
        foreach (string pair in text.Split(','))
        {
            (string label, float weight) = Pair(pair)!.Value;
            int number = Array.FindIndex(classes, known => labels.Text(known) == label || (labels.Names.Count == 0 && float.TryParse(label, CultureInfo.InvariantCulture, out float written) && written == known));
            if (number < 0)
                throw new TrainingException($"--class-weight {text} names the class \"{label}\"; expected one of {string.Join(", ", classes.Take(12).Select(labels.Text))}{(classes.Length > 12 ? ", …" : "")}.");
            weights[number] = weight;
        }
        return weights;
    }

    // n/(k n_c), with the rows' own weights where they have any.
    private static float[] Even(Dataset data, LabelMap labels, int classes)
    {
        var sums = new double[classes];
        for (long row = 0; row < data.RowCount; row++)
        {
            float label = labels.ToLearning(data.Label(row), row);
            sums[labels.IsBinary ? (label > 0 ? 1 : 0) : (int)label] += data.Weights.IsEmpty ? 1 : data.Weights[(int)row];
        }
        double all = sums.Sum();
        return [.. sums.Select(sum => sum > 0 ? (float)(all / (classes * sum)) : 1f)];
    }

    private static (string Label, float Weight)? Pair(string text)
    {
        int colon = text.LastIndexOf(':');
        return colon > 0 && float.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out float weight) && float.IsFinite(weight) && weight > 0 ? (text[..colon].Trim(), weight) : null;
    }
}
