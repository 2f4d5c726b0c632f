namespace DistSgd.Learning.Data;

/// <summary>What kind of target a data set has.</summary>
public enum LearningTask
{
    /// <summary>Two classes.</summary>
    Classification,

    /// <summary>More than two classes.</summary>
    Classes,

    /// <summary>Real targets.</summary>
    Regression,
}

/// <summary>Chooses the task from the labels, for runs that name no model.</summary>
public static class TaskDetection
{
    /// <summary>Classes are numbered from 0 or 1; so many numbers on the way may be missing, as a share of the classes.</summary>
    public const double GapShareMax = 0.25;

    /// <summary>Up to so many classes, any shares of rows are believed.</summary>
    public const int FewClasses = 10;

    /// <summary>With more, the rarest has at least this share of the rows that it would have if all had as many: counts and years have rare ends.</summary>
    public const double RarestShareMin = 0.05;

    /// <summary>
    /// Two distinct labels: classification. Whole numbers, numbered from 0 or 1 with few gaps, and either <see cref="FewClasses"/> or about
    /// equally frequent: classes. All else: regression.
    /// </summary>
    /// <exception cref="LabelException">There is one label only.</exception>
    public static LearningTask Detect(LabelSummary labels)
    {
        if (labels.Distinct is not { } distinct) return LearningTask.Regression;
        if (distinct.Count == 2) return LearningTask.Classification;
        if (distinct.Count < 2)
        {
            string found = distinct.Count == 0 ? "there is no row" : $"every row has the label {distinct[0].Label}";
            throw new LabelException($"There is nothing to learn: {found}. Expected two distinct labels (classes) or real targets.");
        }
        return LookLikeClasses(distinct) ? LearningTask.Classes : LearningTask.Regression;
    }

    private static bool LookLikeClasses(IReadOnlyList<LabelCount> distinct)
    {
        if (distinct[0].Label is not (0 or 1) || distinct.Any(d => d.Label != MathF.Round(d.Label))) return false;
        if (distinct[^1].Label - distinct[0].Label + 1 > distinct.Count * (1 + GapShareMax)) return false;
        double even = distinct.Average(d => (double)d.Count);
        return distinct.Count <= FewClasses || distinct.Min(d => d.Count) >= RarestShareMin * even;
    }
}
