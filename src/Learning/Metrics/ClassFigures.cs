namespace DistSgd.Learning.Metrics;

/// <summary>How well one class is told from the others.</summary>
/// <param name="Label">As written in the file.</param>
/// <param name="Rows">Rows of the class.</param>
/// <param name="Predicted">Rows predicted to be of it.</param>
/// <param name="Right">Rows of which both are true.</param>
public sealed record ClassFigures(float Label, long Rows, long Predicted, long Right)
{
    /// <summary>Share of the rows predicted to be of the class that are; 0 if none is predicted.</summary>
    public double Precision => Predicted == 0 ? 0 : (double)Right / Predicted;

    /// <summary>Share of the class's rows that are predicted to be of it; 0 if there are none.</summary>
    public double Recall => Rows == 0 ? 0 : (double)Right / Rows;

    /// <summary>Counts every class.</summary>
    /// <param name="predicted">Class numbers, one a row.</param>
    /// <param name="actual">Class numbers, one a row.</param>
    /// <param name="labels">The classes' labels.</param>
    internal static ClassFigures[] Of(ReadOnlySpan<int> predicted, ReadOnlySpan<int> actual, IReadOnlyList<float> labels)
    {
        var counts = new (long Rows, long Predicted, long Right)[labels.Count];
        for (int i = 0; i < actual.Length; i++)
        {
            counts[actual[i]].Rows++;
            counts[predicted[i]].Predicted++;
            counts[actual[i]].Right += predicted[i] == actual[i] ? 1 : 0;
        }
        return [.. counts.Select((count, number) => new ClassFigures(labels[number], count.Rows, count.Predicted, count.Right))];
    }

    /// <summary>Harmonic mean of precision and recall; 0 if nothing is right.</summary>
    public double F1 => Right == 0 ? 0 : 2.0 * Right / (Rows + Predicted);
}
